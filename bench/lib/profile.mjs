import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Takes a CPU profile of a running service while `work` goes on, writes it to `file` (.cpuprofile) and prints where the
 * time went.
 */
export async function profiled(managed, file, work) {
  process.kill(managed.pid, 'SIGUSR1');
  let address;
  for (let tries = 0; address === undefined && tries < 100; tries += 1) {
    address = /Debugger listening on (ws:\S+)/.exec(readFileSync(managed.log, 'utf8'))?.[1];
    await delay(50);
  }
  if (address === undefined) throw new Error('the inspector did not open');
  const socket = new globalThis.WebSocket(address);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  let id = 0;
  const waiting = new Map();
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    waiting.get(message.id)?.(message.result);
  };
  const send = (method, params = {}) =>
    new Promise((resolve) => {
      waiting.set(++id, resolve);
      socket.send(JSON.stringify({ id, method, params }));
    });
  await send('Profiler.enable');
  await send('Profiler.setSamplingInterval', { interval: 500 });
  await send('Profiler.start');
  await work();
  const { profile } = await send('Profiler.stop');
  socket.close();
  writeFileSync(file, JSON.stringify(profile));
  console.log(summary(profile));
}

/** Self time by function, and total time by function; functions below half a percent are left out. */
export function summary(profile, most = 45) {
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(profile.nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id])));
  const self = new Map();
  const total = new Map();
  let all = 0;
  profile.samples.forEach((id, index) => {
    const us = profile.timeDeltas[index];
    const name = nameOf(byId.get(id));
    if (name === '(idle)') return;
    all += us;
    self.set(name, (self.get(name) ?? 0) + us);
    const seen = new Set();
    for (let at = id; at !== undefined; at = parents.get(at)) {
      const each = nameOf(byId.get(at));
      if (!seen.has(each)) total.set(each, (total.get(each) ?? 0) + us);
      seen.add(each);
    }
  });
  const list = (times) =>
    [...times]
      .sort(([, a], [, b]) => b - a)
      .slice(0, most)
      .map(([name, us]) => `  ${((us / all) * 100).toFixed(1).padStart(5)} %  ${name}`)
      .join('\n');
  return `Self time\n${list(self)}\nWith what they call\n${list(total)}`;
}

function nameOf({ callFrame: { functionName, url, lineNumber } }) {
  const file = url.replace(/^.*node_modules\//, '').replace(/^file:.*\/(libs|apps)\//, '$1/');
  return url === '' ? functionName || '(anonymous)' : `${functionName || '(anonymous)'}  ${file}:${lineNumber + 1}`;
}

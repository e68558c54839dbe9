import assert from 'node:assert/strict';
import { until } from './copy.mjs';

/** Longer than any text that is looked for, which may stand across the border of two chunks. */
const OVERLAP = 2_000;

/**
 * Which of these texts the heap of a service holds after a collection: V8 writes down every object that is still held, with the first
 * thousand characters of each text. The process opens its inspector on SIGUSR1, and is asked to close it again.
 *
 * @param {Record<string, string>} texts by name
 * @returns {Promise<string[]>} names
 */
export async function heldIn(copy, service, texts) {
  const listening = () => [...copy.log(service).matchAll(/Debugger listening on (ws:\S+)/g)].map(([, url]) => url);
  const before = listening().length;
  process.kill(copy.pidOf(service), 'SIGUSR1');
  await until(() => listening().length > before, `${service} to open its inspector`);
  const socket = new WebSocket(listening().at(-1));
  const [answered, held] = [new Map(), new Set()];
  let tail = '';
  socket.onmessage = ({ data }) => {
    const { id, method, params } = JSON.parse(data);
    answered.get(id)?.();
    if (method !== 'HeapProfiler.addHeapSnapshotChunk') return;
    tail = tail.slice(-OVERLAP) + params.chunk;
    for (const [name, text] of Object.entries(texts)) if (tail.includes(text)) held.add(name);
  };
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error(`the inspector of ${service} cannot be reached`));
  });
  const ask = (method, params = {}) =>
    new Promise((resolve) => {
      answered.set(answered.size + 1, resolve);
      socket.send(JSON.stringify({ id: answered.size, method, params }));
    });
  await ask('HeapProfiler.collectGarbage');
  await ask('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
  const closed = new Promise((resolve) => (socket.onclose = resolve));
  void ask('Runtime.evaluate', { expression: 'setImmediate(() => process._debugEnd())' });
  await closed;
  assert.ok(tail.length > 0, `${service} has no heap`);
  return [...held];
}

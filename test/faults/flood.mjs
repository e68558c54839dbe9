// More requests than can be answered, from a process of its own so that sending them delays nobody's measurement. Sockets alone:
// what a client library costs per request is more than what is asked for.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';

const FILE = fileURLToPath(import.meta.url);
/** Each carries one request at a time. */
const SOCKETS = 4_000;
/** No more begin at once: beyond what a listening socket queues, connections are a matter of seconds. */
const OPENED_AT_ONCE = 100;

/**
 * Sends `payloads` in turn to the ports in turn for so many seconds. With `rate` so many are due each second, whatever becomes of them;
 * without it `connections` send one after the other.
 *
 * @returns how many were `sent`, those that were due while every socket waited for an answer (`unsent`), those that got none, and by
 *   status the `counts` of the others and after how many `ms` they came
 */
export async function flood(job) {
  const child = fork(FILE, ['flood']);
  try {
    child.send({ timeoutMs: 10_000, ...job });
    const [result] = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => [undefined])]);
    if (result === undefined) throw new Error('the flood ended early');
    return result;
  } finally {
    child.kill('SIGKILL');
  }
}

/** A POST with a JSON body, as bytes. */
export function requestBytes(path, body, headers = {}) {
  const text = JSON.stringify(body);
  const all = {
    host: 'token',
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n${text}`;
}

if (process.argv[2] === 'flood')
  process.once('message', (job) => void send(job).then((result) => process.send(result)));

async function send({ ports, payloads, rate, connections = SOCKETS, seconds, timeoutMs }) {
  const ms = new Map();
  let [sent, unanswered, unsent] = [0, 0, 0];
  const idle = [];

  /** Resolves once it is answered, or will not be. */
  const one = () =>
    new Promise((resolve) => {
      // In turn, so that no port has more to do than another.
      const socket = idle.shift();
      if (socket === undefined) {
        unsent += 1;
        return resolve();
      }
      const since = performance.now();
      const timer = setTimeout(() => socket.destroy(), timeoutMs);
      socket.answered = (status) => {
        clearTimeout(timer);
        socket.answered = undefined;
        if (status === undefined) unanswered += 1;
        else if (ms.has(status)) ms.get(status).push(performance.now() - since);
        else ms.set(status, [performance.now() - since]);
        resolve();
      };
      sent += 1;
      socket.write(payloads[sent % payloads.length]);
    });

  const open = (port) =>
    new Promise((resolve) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true }).setEncoding('latin1');
      let text = '';
      socket.on('connect', () => {
        idle.push(socket);
        resolve();
      });
      socket.on('data', (chunk) => {
        text += chunk;
        const head = text.indexOf('\r\n\r\n');
        const length = /\r\ncontent-length: (\d+)/i.exec(text)?.[1];
        if (head < 0 || text.length < head + 4 + Number(length)) return;
        // The one 503 of which the log need not know.
        const status = text.includes('"call.not-recorded"') ? 'unrecorded' : Number(text.slice(9, 12));
        text = '';
        idle.push(socket);
        socket.answered?.(status);
      });
      socket.on('error', resolve);
      socket.on('close', () => {
        const at = idle.indexOf(socket);
        if (at >= 0) idle.splice(at, 1);
        socket.answered?.(undefined);
      });
    });
  for (let opened = 0; opened < connections; opened += OPENED_AT_ONCE)
    await Promise.all(Array.from({ length: OPENED_AT_ONCE }, (_, n) => open(ports[n % ports.length])));

  const end = performance.now() + seconds * 1000;
  if (rate === undefined) {
    const goOn = async () => {
      while (performance.now() < end) await one();
    };
    await Promise.all(Array.from({ length: connections }, goOn));
  } else {
    const calls = [];
    let due = performance.now();
    while (performance.now() < end) {
      for (; due <= performance.now(); due += 1000 / rate) calls.push(one());
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await Promise.all(calls);
  }
  const of = (what) => Object.fromEntries([...ms].map(([status, times]) => [status, what(times)]));
  const part = (times, share) => Math.round(times[Math.ceil(share * times.length) - 1]);
  return {
    sent,
    unsent,
    unanswered,
    counts: of(({ length }) => length),
    ms: of((times) => {
      times.sort((a, b) => a - b);
      return { median: part(times, 0.5), p99: part(times, 0.99), longest: part(times, 1) };
    }),
  };
}

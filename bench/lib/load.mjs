// The load generator, in a process of its own. Closed loop: autocannon. Open loop: below, since autocannon sends the
// requests of a second in one burst.
import { seededRandom } from '@rebelcore/testing/seeded-random';
import autocannon from 'autocannon';
import { connect } from 'node:net';
import { performance } from 'node:perf_hooks';
import { serve } from './child.mjs';
import { percentile } from './statistics.mjs';

serve(() => Promise.resolve([{}, (job) => (job.rate === undefined ? closedLoop(job) : openLoop(job))]));

/** `{url, requests: {method, path, headers, body}[], connections, seconds}` → `{perSecond, p50, p99, total, failed}` */
async function closedLoop({ url, requests, connections, seconds }) {
  let client = 0;
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    setupClient: (each) => {
      const first = client++;
      each.setRequests(requests.filter((_, index) => index % connections === first % connections));
    },
  });
  const succeeded = result['2xx'];
  return {
    perSecond: succeeded / result.duration,
    total: succeeded,
    failed: result.non2xx + result.errors + result.timeouts,
    statuses: result.statusCodeStats,
    p50: result.latency.p50,
    p99: result.latency.p99,
  };
}

/**
 * Calls arrive at random moments at the given rate, whether or not earlier ones are answered; latency counts from the
 * moment a call was due. `{url, requests, rate, seconds, seed}` → `{perSecond, p50, p99, max, total, failed}`
 */
async function openLoop({ url, requests, rate, seconds, seed = 1 }) {
  const { hostname, port, host } = new URL(url);
  const payloads = requests.map(({ method, path, headers, body = '' }) => {
    const lines = Object.entries({ host, ...headers, 'content-length': Buffer.byteLength(body) });
    return Buffer.from(
      `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}`).join('\r\n')}\r\n\r\n${body}`,
    );
  });
  const pool = new Connections(hostname, Number(port));
  const { next } = seededRandom(seed);
  const latencies = [];
  let failed = 0;
  let pending = 0;
  const started = performance.now();
  const end = started + seconds * 1000;
  let due = started;
  await new Promise((resolve) => {
    const timer = setInterval(() => {
      const now = performance.now();
      while (due <= now && due < end) {
        const dueAt = due;
        due += (-Math.log(1 - next()) * 1000) / rate;
        pending += 1;
        pool.send(payloads[Math.floor(next() * payloads.length)], (status) => {
          pending -= 1;
          latencies.push(performance.now() - dueAt);
          if (status !== 200) failed += 1;
        });
      }
      if (due >= end && (pending === 0 || now > end + 10_000)) {
        clearInterval(timer);
        resolve();
      }
    }, 1);
  });
  pool.close();
  const elapsed = (performance.now() - started) / 1000;
  return {
    perSecond: (latencies.length - failed) / elapsed,
    total: latencies.length,
    failed: failed + pending,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    p999: percentile(latencies, 0.999),
    max: latencies.reduce((a, b) => Math.max(a, b), 0),
  };
}

/** Keep-alive connections, each with one call at a time; as many as are needed at the same moment. */
class Connections {
  #idle = [];
  #all = new Set();

  constructor(hostname, port) {
    this.hostname = hostname;
    this.port = port;
  }

  send(payload, done) {
    const connection = this.#idle.pop() ?? this.#open();
    connection.done = done;
    connection.socket.write(payload);
  }

  close() {
    for (const { socket } of this.#all) socket.destroy();
  }

  #open() {
    const socket = connect({ host: this.hostname, port: this.port, noDelay: true });
    const connection = { socket, done: undefined };
    let received = '';
    const finish = (status) => {
      const { done } = connection;
      connection.done = undefined;
      done?.(status);
    };
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      received += chunk;
      const head = received.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = /\r\ncontent-length: (\d+)/i.exec(received.slice(0, head))?.[1];
      if (received.length < head + 4 + Number(length ?? 0)) return;
      const status = Number(received.slice(9, 12));
      received = '';
      this.#idle.push(connection);
      finish(status);
    });
    const lost = () => {
      this.#all.delete(connection);
      this.#idle = this.#idle.filter((each) => each !== connection);
      finish(0);
    };
    socket.on('error', lost);
    socket.on('close', lost);
    this.#all.add(connection);
    return connection;
  }
}

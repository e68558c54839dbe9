import { connect } from 'node:net';
import { switchTo } from '../customers.mjs';
import { flood, requestBytes } from '../flood.mjs';
import { milliseconds } from '../http.mjs';
import { seconds, until } from '../waiting.mjs';

export default {
  id: 'F16',
  title: 'three times what the token service can answer, 500 slow callers, bodies of 10 MB',
  async run(scenario) {
    const { system, ledger, customers, apiUsers, short, expect, note } = scenario;
    const urls = system.services('token').map(({ url }) => url);
    const ports = urls.map((url) => Number(new URL(url).port));
    const agent = ledger.nextId();
    const began = new Date();
    const [switched, ...others] = apiUsers;
    const payloads = others.map(({ username, password }) =>
      requestBytes('/api/v1/authorize', { username, password }, { 'user-agent': agent }),
    );
    // As many as are answered together without anybody being sent away.
    const together = { ports, payloads, connections: 200, seconds: short ? 5 : 15 };
    const warm = await flood(together);
    const usual = await flood(together);
    const capacity = Math.round(usual.counts[200] / together.seconds);

    const length = short ? 10 : 60;
    const flooded = flood({ ports, payloads, rate: 3 * capacity, seconds: length });
    const slow = scenario.owned(slowCallers(ports, 500));
    const large = scenario.owned(largeBodies(ports));
    await seconds(5);
    // Who has to switch something off does not wait for the flood to end.
    const customer = customers.find(({ id }) => id === switched.customerId);
    const identity = system.services('identity').map(({ url }) => url);
    const off = await switchTo('deactivate', ledger, customer, switched, identity);
    const result = await flooded;
    const ended = process.hrtime.bigint();
    await until(
      async () => {
        const calls = others.map((apiUser, n) =>
          ledger.call({ apiUser, customerId: apiUser.customerId, url: urls[n % urls.length] }),
        );
        return (await Promise.all(calls)).every(({ status }) => status === 200);
      },
      'every call to be answered again',
      60_000,
    );
    const recoveredMs = milliseconds({ start: ended, end: process.hrtime.bigint() });
    await Promise.all([slow.stop(), large.stop()]);
    await system.settled();
    const floods = [warm, usual, result];
    const answeredAs = (status) => floods.reduce((sum, { counts }) => sum + (counts[status] ?? 0), 0);
    const [successes, refusals, unrecorded] = [200, 503, 'unrecorded'].map(answeredAs);
    const written = Object.fromEntries(
      (
        await system.asSuperuser(
          'audit',
          // What is shed goes by network and route alone, whoever of them came first.
          `select metadata ->> 'status' as status, sum(coalesce((metadata ->> 'count')::int, 1))::int as n from activity
           where metadata ->> 'user_agent' = $1
              or event_type = 'api.authorize' and metadata ->> 'status' = '503' and occurred_at >= $2 group by 1`,
          [agent, began],
        )
      ).map(({ status, n }) => [status, n]),
    );
    const { 200: served, 503: shed } = result.ms;
    const perSecond = Math.round(result.counts[200] / length);
    const came = Math.round((result.sent + result.unsent) / length);
    note(`${capacity} calls a second can be answered, ${came} came, ${perSecond} were answered`);
    note(
      `answered after ${JSON.stringify(served)} ms, shed after ${JSON.stringify(shed)} ms: ${JSON.stringify(result.counts)}`,
    );
    note(`deactivated in ${milliseconds(off).toFixed(0)} ms, all well again after ${recoveredMs.toFixed(0)} ms`);
    note(`slow callers: ${JSON.stringify(slow.seen())}, large bodies: ${JSON.stringify(large.seen())}`);
    expect(result.unanswered === 0, `${result.unanswered} calls got no answer`);
    expect(result.counts[503] > 0, 'nobody was shed');
    const sent = floods.reduce((sum, each) => sum + each.sent - each.unanswered, 0);
    expect(successes + refusals + unrecorded === sent, `there were other answers: ${JSON.stringify(result.counts)}`);
    expect(perSecond >= 0.4 * capacity, `only ${perSecond} calls a second were answered`);
    const limit = system.patience(1_000);
    expect(served.p99 <= limit, `a hundredth was answered after more than ${served.p99} ms`);
    expect(!(shed?.p99 > limit), `a hundredth was shed after more than ${shed?.p99} ms`);
    expect(off.outcome === 'acknowledged', `the deactivation was answered ${off.answer?.status}`);
    expect(recoveredMs <= system.patience(10_000), `recovered after ${recoveredMs} ms`);
    // What could not be recorded in time may have been recorded late, and others than the flood were shed with it.
    const shedBesides = [slow, large].reduce((sum, each) => sum + (each.seen()[503] ?? 0), 0);
    const { 200: successesWritten = 0, 503: refusalsWritten = 0 } = written;
    const more = successesWritten + refusalsWritten - successes - refusals;
    expect(
      successesWritten >= successes && refusalsWritten >= refusals && more <= unrecorded + shedBesides,
      `answered were ${successes}, ${refusals} and ${unrecorded} unrecorded, written down ${JSON.stringify(written)}`,
    );
  },
};

/** Sockets that send a byte of their body each second, and are replaced as they end. */
function slowCallers(ports, count) {
  const statuses = new Map();
  let stopped = false;
  const sockets = new Set();
  const begin = (n) => {
    const socket = connect(ports[n % ports.length], '127.0.0.1');
    sockets.add(socket);
    socket.write(
      'POST /api/v1/authorize HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n',
    );
    const timer = setInterval(() => socket.write(' '), 1_000);
    socket.on('error', () => undefined);
    socket.on('data', (data) => tally(statuses, data.toString('latin1', 9, 12)));
    socket.on('close', () => {
      clearInterval(timer);
      sockets.delete(socket);
      if (!stopped) begin(n);
    });
  };
  for (let n = 0; n < count; n += 1) begin(n);
  return {
    seen: () => Object.fromEntries(statuses),
    stop: () => {
      stopped = true;
      for (const socket of sockets) socket.destroy();
    },
  };
}

const tally = (counts, key) => counts.set(key, (counts.get(key) ?? 0) + 1);

/** Bodies of 10 MB, with and without a length, one after the other. */
function largeBodies(ports) {
  const statuses = new Map();
  let stopped = false;
  const chunk = 'x'.repeat(65_536);
  const one = (port, hasLength) =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1');
      const framing = hasLength ? 'content-length: 10485760' : 'transfer-encoding: chunked';
      socket.write(
        `POST /api/v1/authorize HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${framing}\r\n\r\n`,
      );
      const piece = hasLength ? chunk : `10000\r\n${chunk}\r\n`;
      let left = 160;
      const more = () => {
        while (left > 0 && socket.writable) {
          left -= 1;
          if (!socket.write(piece)) return void socket.once('drain', more);
        }
      };
      more();
      socket.on('error', () => undefined);
      socket.on('data', (data) => tally(statuses, data.toString('latin1', 9, 12)));
      socket.on('close', resolve);
      setTimeout(() => socket.destroy(), 8_000);
    });
  const all = Promise.all(
    [0, 1].map(async (n) => {
      for (let round = 0; !stopped; round += 1) await one(ports[n % ports.length], (round + n) % 2 === 0);
    }),
  );
  return {
    seen: () => Object.fromEntries(statuses),
    stop: async () => {
      stopped = true;
      await all;
    },
  };
}

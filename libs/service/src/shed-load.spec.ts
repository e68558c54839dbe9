import type { Call } from '@rebelcore/contracts/call-events';
import fastify, { type FastifyInstance } from 'fastify';
import { EventEmitter, once } from 'node:events';
import { BlockList, connect, type AddressInfo } from 'node:net';
import { shedLoad } from './shed-load.js';

const work = new EventEmitter();
let app: FastifyInstance;
let recorded: Call[];
/** What becomes of records. */
let durable: () => Promise<void>;
beforeEach(async () => {
  app = fastify({ forceCloseConnections: true });
  recorded = [];
  durable = () => Promise.resolve();
  const record = async (_: string, call: Call | (() => Call)) => {
    work.emit('refused');
    await durable();
    recorded.push(typeof call === 'function' ? call() : call);
  };
  app.addHook('onRequest', (request, _, done) => {
    work.emit('arrives', request);
    done();
  });
  shedLoad(app, {
    maxInWork: 2,
    addresses: new Set(['/work/:name', '/oauth2/token']),
    service: 'work',
    recorder: { record },
    trustedProxies: new BlockList(),
  });
  app.post('/oauth2/token', () => 'a token');
  app.post<{ Params: { name: string } }>('/work/:name', async ({ params: { name } }) => {
    work.emit(`${name} begins`);
    await once(work, `${name} ends`);
    return name;
  });
  app.get('/health', () => 'well');
  await app.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(() => app.close());

const port = () => (app.server.address() as AddressInfo).port;
const ask = (name: string) => fetch(`http://127.0.0.1:${port()}/work/${name}`, { method: 'POST' });
/** Resolves when it is in work, with its answer to come. */
async function begin(name: string): Promise<{ answer: Promise<Response> }> {
  const begun = once(work, `${name} begins`);
  const answer = ask(name);
  await begun;
  return { answer };
}
async function end(name: string, { answer }: { answer: Promise<Response> }): Promise<void> {
  work.emit(`${name} ends`);
  expect(await (await answer).text()).toBe(name);
}

it('F16: refuses who comes while there is enough in work, and nobody once there is less', async () => {
  const [first, second] = [await begin('first'), await begin('second')];
  const refused = await ask('third');
  expect([refused.status, await refused.json()]).toMatchObject([503, { code: 'service.overloaded' }]);
  const client = await fetch(`http://127.0.0.1:${port()}/oauth2/token`, { method: 'POST' });
  expect([client.status, await client.json()]).toMatchObject([503, { error: 'temporarily_unavailable' }]);
  for (const { headers } of [refused, client]) {
    expect([headers.get('retry-after'), headers.get('cache-control')]).toEqual(['1', 'no-store']);
    expect(recorded.map(({ correlationId }) => correlationId)).toContain(headers.get('x-correlation-id'));
  }
  expect(recorded.map(({ route, reason }) => [route, reason])).toEqual([
    ['POST /work/:name', 'service.overloaded'],
    ['POST /oauth2/token', 'service.overloaded'],
  ]);
  expect(await (await fetch(`http://127.0.0.1:${port()}/health`)).text()).toBe('well');
  await end('first', first);
  const third = await begin('third');
  await end('second', second);
  await end('third', third);
});

it('answers those that come alike before they are recorded by one record that says how many there were', async () => {
  const [first, second] = [await begin('first'), await begin('second')];
  let write: () => void = () => undefined;
  durable = () => new Promise((resolve) => (write = resolve));
  const refusal = once(work, 'refused');
  const client = (userAgent: string) =>
    fetch(`http://127.0.0.1:${port()}/oauth2/token?a=b`, { method: 'POST', headers: { 'user-agent': userAgent } });
  const alike = [client('a')];
  await refusal;
  for (let n = 0; n < 2; n += 1) {
    const arrived = once(app.server, 'request');
    alike.push(client('a'));
    await arrived;
  }
  write();
  const answers = await Promise.all(alike);
  expect(answers.map(({ status }) => status)).toEqual([503, 503, 503]);
  expect(recorded).toMatchObject([{ count: 3, userAgent: 'a', route: 'POST /oauth2/token', ip: '127.0.0.1' }]);
  durable = () => Promise.reject(new Error('nothing can be written'));
  expect(await (await client('a')).json()).toMatchObject({ error: 'temporarily_unavailable' });
  durable = () => Promise.resolve();
  await client('b');
  expect(recorded.slice(1)).toMatchObject([{ userAgent: 'b' }]);
  expect(recorded[1]).not.toHaveProperty('count');
  await end('first', first);
  await end('second', second);
});

it('counts no request that has not come in whole', async () => {
  const slow = ['a', 'b', 'c'].map((name) => {
    const socket = connect(port(), '127.0.0.1');
    socket.write(
      `POST /work/${name} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{`,
    );
    return socket;
  });
  for (let arrived = 0; arrived < slow.length; arrived += 1) await once(work, 'arrives');
  await end('first', await begin('first'));
  for (const socket of slow) socket.destroy();
});

it('counts a request until its work is done, though its caller has hung up', async () => {
  const gone = new AbortController();
  const begun = once(work, 'first begins');
  const left = fetch(`http://127.0.0.1:${port()}/work/first`, { method: 'POST', signal: gone.signal });
  await begun;
  const second = await begin('second');
  gone.abort();
  await expect(left).rejects.toThrow();
  expect((await ask('third')).status).toBe(503);
  work.emit('first ends');
  await end('second', second);
});

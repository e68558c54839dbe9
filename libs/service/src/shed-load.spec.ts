import type { CallRecorder } from '@rebelcore/api-access/call-recorder';
import { recordCalls } from '@rebelcore/api-access/record-calls.plugin';
import type { Call } from '@rebelcore/contracts/call-events';
import fastify, { type FastifyInstance } from 'fastify';
import { EventEmitter, once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { shedLoad } from './shed-load.js';

const work = new EventEmitter();
let app: FastifyInstance;
let recorded: Call[];
beforeEach(async () => {
  app = fastify({ forceCloseConnections: true });
  recorded = [];
  const record = (_: string, call: Call) => {
    recorded.push(call);
    return Promise.resolve();
  };
  recordCalls(app, { service: 'work', recorder: { record } as CallRecorder, when: (_, status) => status === 503 });
  app.addHook('onRequest', (request, _, done) => {
    work.emit('arrives', request);
    done();
  });
  shedLoad(app, 2, ({ routeOptions }) => routeOptions.url !== '/health');
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
  for (const { headers } of [refused, client]) expect(headers.get('retry-after')).toBe('1');
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

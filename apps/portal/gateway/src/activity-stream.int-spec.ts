import { until } from '@rebelcore/testing/until';
import { once } from 'node:events';
import { request as send, type ClientRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { COOKIE, GatewayFixture } from './gateway.fixture-spec.js';

let gateway: GatewayFixture;
let streams: ServerResponse[];
beforeAll(async () => {
  gateway = await GatewayFixture.start();
});
afterAll(() => gateway.stop());
beforeEach(() => {
  gateway.reset();
  streams = [];
  gateway.audit.handler = (request, answer) => {
    if (request.url?.startsWith('/api/v1/activity/stream') !== true) return false;
    answer.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    answer.flushHeaders();
    streams.push(answer);
    return true;
  };
});

async function listen(
  headers: Record<string, string> = {},
): Promise<{ request: ClientRequest; answer: IncomingMessage }> {
  const { hostname, port } = new URL(gateway.base);
  const path = '/api/v1/activity/stream?event_type=api.call';
  const request = send({
    hostname,
    port,
    path,
    agent: false,
    headers: { cookie: `__Host-session=${COOKIE}`, ...headers },
  });
  request.on('error', () => undefined).end();
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  return { request, answer };
}

describe('the activity stream', () => {
  it('arrives event by event, from where the reader left off', async () => {
    const { request, answer } = await listen({ 'last-event-id': 'abc' });
    const { headers, url } = gateway.audit.last();
    expect([url, headers['last-event-id'], headers.authorization]).toEqual([
      '/api/v1/activity/stream?event_type=api.call',
      'abc',
      'Bearer session-token-1',
    ]);
    expect(answer.headers['content-type']).toBe('text/event-stream');
    for (const event of ['event: entry\nid: 1\ndata: {}\n\n', ': heartbeat\n\n']) {
      streams[0]?.write(event);
      const [part] = (await once(answer, 'data')) as [Buffer];
      expect(String(part)).toBe(event);
    }
    request.destroy();
  });

  it('ends at the service as soon as its reader goes away, and at the reader as soon as the service ends it', async () => {
    const { request } = await listen();
    const closed = once(streams[0] as ServerResponse, 'close');
    request.destroy();
    await closed;

    const { answer } = await listen();
    answer.resume();
    streams[1]?.end();
    await once(answer, 'end');
  });

  it('may be open two hundred times while others ask on', async () => {
    const open = await Promise.all(Array.from({ length: 200 }, () => listen()));
    expect(streams).toHaveLength(200);
    expect((await gateway.ask('GET', '/api/v1/activity')).status).toBe(200);
    for (const { request } of open) request.destroy();
    await until(() => streams.every(({ destroyed }) => destroyed), 'the end of all streams at the service');
  });

  it('waits in the service for a reader that does not read, and not in the gateway', async () => {
    const { request, answer } = await listen();
    answer.pause();
    const event = `data: ${'x'.repeat(64 * 1024)}\n\n`;
    const [stream] = streams as [ServerResponse];
    let written = 0;
    while (written < 1_000 && stream.write(event)) {
      written += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    // Some megabytes are in the sockets between them; a gateway that held everything would take all 64.
    expect(written).toBeLessThan(1_000);
    request.destroy();
  });
});

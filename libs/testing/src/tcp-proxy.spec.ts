import { createConnection, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { TcpProxy } from './tcp-proxy.js';

let server: Server;
let proxy: TcpProxy;
let client: Socket;
beforeEach(async () => {
  server = createServer((socket) => socket.on('error', () => socket.destroy()).pipe(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy = await TcpProxy.to({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  client = createConnection({ host: '127.0.0.1', port: proxy.port });
  await new Promise((resolve) => client.once('connect', resolve));
});
afterEach(async () => {
  client.destroy();
  await proxy.close();
  await new Promise((resolve) => server.close(resolve));
});

/** Sends bytes to the echo server and resolves with the milliseconds until all are back. */
async function echo(text: string): Promise<number> {
  const started = performance.now();
  let back = '';
  const done = new Promise<void>((resolve, reject) => {
    client.once('error', reject);
    client.on('data', (chunk: Buffer) => {
      back += chunk.toString();
      if (back.length >= text.length) resolve();
    });
  });
  client.write(text);
  await done;
  client.removeAllListeners('data');
  expect(back).toBe(text);
  return performance.now() - started;
}

describe('the TCP proxy', () => {
  it('passes bytes through', async () => {
    await echo('hello');
    expect(proxy.connections).toBe(1);
  });

  it('adds latency, and takes it away again', async () => {
    proxy.set({ kind: 'latency', ms: 40 });
    expect(await echo('slow')).toBeGreaterThanOrEqual(75);
    proxy.set({ kind: 'pass' });
    expect(await echo('fast')).toBeLessThan(40);
  });

  it('throttles', async () => {
    proxy.set({ kind: 'throttle', bytesPerSecond: 100_000 });
    expect(await echo('x'.repeat(10_000))).toBeGreaterThanOrEqual(95);
  });

  it('swallows everything as a black hole, and delivers it once the link is back', async () => {
    proxy.set({ kind: 'black-hole' });
    let arrived = false;
    const echoed = echo('later').then(() => (arrived = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(arrived).toBe(false);
    proxy.set({ kind: 'pass' });
    await echoed;
  });

  it('resets', async () => {
    const failure = new Promise<NodeJS.ErrnoException>((resolve) => client.once('error', resolve));
    proxy.set({ kind: 'reset' });
    expect((await failure).code).toBe('ECONNRESET');
  });
});

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { standingOf } from './standing.js';

describe('the standing of a service', () => {
  let server: Server;
  let body: string;
  let ask: (process: { readonly listening: boolean }) => ReturnType<typeof standingOf>;
  beforeAll(async () => {
    server = createServer((_, response) => response.end(body)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    ask = (process) => standingOf({ name: 'identity', url, process }, false);
  });
  afterAll(() => server.close());

  it('is what it says of itself once it listens', async () => {
    body = '{"checks":{"relay":{"refusal":"no"}}}';
    expect(await ask({ listening: true })).toEqual({ missing: undefined, isCurrent: true, troubles: ['identity: no'] });
  });

  it.each(['{}', '<html></html>'])('is not what somebody else on its port answers: %s', async (answer) => {
    body = answer;
    expect((await ask({ listening: false })).missing).toBe('does not answer');
    let asked = 0;
    const ended = {
      get listening() {
        return (asked += 1) === 1;
      },
    };
    expect((await ask(ended)).missing).toBe('does not answer');
  });
});

import { MAX_REFUSED_TOGETHER, type Call } from '@rebelcore/contracts/call-events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { BlockList } from 'node:net';
import { refusalTogether } from './refuse-together.js';

it('says of no more requests of one network in one record than its readers take, and of each in one', async () => {
  const calls: (() => Call)[] = [];
  let write: () => void = () => undefined;
  const written = new Promise<void>((resolve) => (write = resolve));
  const record = (_: string, call: Call | (() => Call)) => {
    if (typeof call === 'function') calls.push(call);
    return written;
  };
  const refuse = refusalTogether({ service: 'token', recorder: { record }, trustedProxies: new BlockList() });
  const asked = 2 * MAX_REFUSED_TOGETHER + 1;
  let answered = 0;
  for (let n = 0; n < asked; n += 1) {
    const [headers, socket] = [{ 'user-agent': String(n) }, { remoteAddress: `2001:db8::${n.toString(16)}` }];
    const request = { method: 'POST', headers, socket, complete: true };
    const response = { req: request, writeHead: () => ({ end: () => (answered += 1) }) };
    refuse(request as unknown as IncomingMessage, response as unknown as ServerResponse, '/api/v1/authorize');
  }
  const counts = calls.map((call) => call().count ?? 1);
  expect(counts).toEqual([MAX_REFUSED_TOGETHER, MAX_REFUSED_TOGETHER, 1]);
  write();
  await written;
  await Promise.resolve();
  expect(answered).toBe(asked);
});

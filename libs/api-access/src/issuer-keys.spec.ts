import { until } from '@rebelcore/testing/until';
import { generateKeyPairSync } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { IssuerKeys, KeysUnavailable } from './issuer-keys.js';

const MINUTE = 60_000;
const realNow = Date.now;
let server: Server;
let published: string[];
let others: unknown[];
let answering: boolean;
let requests: number;
let keys: IssuerKeys;

beforeEach(async () => {
  published = ['one'];
  others = [];
  answering = true;
  requests = 0;
  const jwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
  server = createServer((_, response) => {
    requests += 1;
    response.statusCode = answering ? 200 : 503;
    const keys = published.map((kid) => ({ ...jwk, kid, use: 'sig', alg: 'ES256' }));
    response.end(JSON.stringify({ keys: [...others, ...keys] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  keys = new IssuerKeys(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`);
});
afterEach(async () => {
  Date.now = realNow;
  await new Promise((resolve) => server.close(resolve));
});

const later = (ms: number) => {
  const now = Date.now() + ms;
  Date.now = () => now;
};

describe('the issuer’s keys', () => {
  it('are fetched once for all who ask at the same moment', async () => {
    const found = await Promise.all(Array.from({ length: 50 }, () => keys.find('one')));
    expect(new Set(found).size).toBe(1);
    expect([found[0]?.type, requests]).toEqual(['public', 1]);
  });

  it('include a new one as soon as somebody names it, also while made-up ids are being tried', async () => {
    expect(await keys.find('one')).toBeDefined();
    published = ['one', 'two'];
    for (let n = 0; n < 100; n += 1) expect(await keys.find(`made-up-${n}`)).toBeUndefined();
    expect(requests).toBe(1);
    later(10_000);
    for (let n = 0; n < 100; n += 1) expect(await keys.find(`made-up-${n}`)).toBeUndefined();
    expect(requests).toBe(2);
    expect(await keys.find('two')).toBeDefined();
  });

  // S18
  it('lose one that the issuer has withdrawn, within five minutes', async () => {
    expect(await keys.find('one')).toBeDefined();
    published = ['two'];
    later(6 * MINUTE);
    await until(async () => (await keys.find('one')) === undefined, 'the key to be gone');
    expect(await keys.find('two')).toBeDefined();
  });

  it('lose the only one as well', async () => {
    expect(await keys.find('one')).toBeDefined();
    published = [];
    later(6 * MINUTE);
    await until(async () => (await keys.find('one')) === undefined, 'the key to be gone');
  });

  it('are taken from among others that are not understood, or not for signatures', async () => {
    const { publicKey } = generateKeyPairSync('x25519');
    others = [
      null,
      { kty: 'oct', kid: 'shared', k: 'AAAA' },
      { kty: 'EC', kid: 'no-curve', crv: 'P-1', x: 'AAAA', y: 'AAAA' },
      { ...publicKey.export({ format: 'jwk' }), kid: 'encrypting', use: 'enc' },
    ];
    expect(await keys.find('one')).toBeDefined();
    for (const kid of ['shared', 'no-curve', 'encrypting']) expect(await keys.find(kid)).toBeUndefined();
  });

  it('are used on while the issuer is away, for an hour', async () => {
    expect(await keys.find('one')).toBeDefined();
    answering = false;
    later(50 * MINUTE);
    expect(await keys.find('one')).toBeDefined();
    expect(await keys.find('made-up')).toBeUndefined();
    later(11 * MINUTE);
    await expect(keys.find('one')).rejects.toThrow(KeysUnavailable);
  });

  it('are unavailable, rather than unknown, until they were fetched for the first time', async () => {
    answering = false;
    await expect(keys.find('one')).rejects.toThrow(KeysUnavailable);
    answering = true;
    await expect(keys.find('one')).rejects.toThrow(KeysUnavailable);
    later(1_500);
    expect(await keys.find('one')).toBeDefined();
    expect(requests).toBe(2);
  });
});

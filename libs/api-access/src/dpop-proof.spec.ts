import { createHash, generateKeyPairSync, randomUUID, type KeyObject } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { calculateJwkThumbprint, exportJWK, SignJWT, type JWK } from 'jose';
import { DPoPProofs } from './dpop-proof.js';

const ORIGIN = 'https://api.test';
const TOKEN = 'a.token.text';
const ath = (token: string) => createHash('sha256').update(token).digest('base64url');
const now = () => Math.floor(Date.now() / 1000);

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
let jwk: JWK;
beforeAll(async () => {
  jwk = await exportJWK(ec.publicKey);
});

interface Proof {
  readonly header?: Readonly<Record<string, unknown>>;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly key?: KeyObject | Uint8Array;
}
const proof = ({ header = {}, claims = {}, key = ec.privateKey }: Proof = {}): Promise<string> =>
  new SignJWT({ jti: randomUUID(), htm: 'POST', htu: `${ORIGIN}/call`, iat: now(), ath: ath(TOKEN), ...claims })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk, ...header })
    .sign(key);

const asking = (dpop: unknown, { method = 'POST', url = '/call' } = {}) =>
  ({ method, url, headers: { dpop } }) as unknown as FastifyRequest;
const thumbprintOf = (dpop: unknown, token: string | undefined = TOKEN, request = {}) =>
  new DPoPProofs(ORIGIN).thumbprintOf(asking(dpop, request), token);

describe('a proof', () => {
  it.each<[string, Proof, { url?: string }]>([
    ['as RFC 9449 describes it', {}, {}],
    ['for an address with a query, which it leaves out', {}, { url: '/call?page=2' }],
    ['for an address that is asked for with an origin', {}, { url: 'http://inside:3001/call' }],
    ['that spells the address otherwise', { claims: { htu: 'HTTPS://API.test:443/call' } }, {}],
    ['whose clock is slow', { claims: { iat: now() - 100 } }, {}],
  ])('%s tells whose key it was made with', async (_, made, request) => {
    expect(await thumbprintOf(await proof(made), TOKEN, request)).toBe(await calculateJwkThumbprint(jwk));
  });

  it.each(['PS256', 'EdDSA', 'Ed25519'])('may be signed with %s', async (alg) => {
    const pair = alg === 'PS256' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ed25519');
    const own = await exportJWK(pair.publicKey);
    const made = await proof({ header: { alg, jwk: own }, key: pair.privateKey });
    expect(await thumbprintOf(made)).toBe(await calculateJwkThumbprint(own));
  });

  it.each<[string, Proof]>([
    ['signed with another key than the one it names', { key: other.privateKey }],
    ['of another type', { header: { typ: 'JWT' } }],
    ['of no type', { header: { typ: undefined } }],
    ['without a key', { header: { jwk: undefined } }],
    ['that shows its private key', { header: { jwk: ec.privateKey.export({ format: 'jwk' }) } }],
    ['under a secret instead of a key', { header: { alg: 'HS256' }, key: Buffer.alloc(32, 1) }],
    ['for another method', { claims: { htm: 'GET' } }],
    ['for another address', { claims: { htu: `${ORIGIN}/other` } }],
    ['for another origin', { claims: { htu: 'https://evil.test/call' } }],
    ['for no address', { claims: { htu: 'nowhere' } }],
    ['for another token', { claims: { ath: ath('another') } }],
    ['for no token', { claims: { ath: undefined } }],
    ['that is old', { claims: { iat: now() - 200 } }],
    ['from the future', { claims: { iat: now() + 200 } }],
    ['without a time', { claims: { iat: undefined } }],
    ['that has expired by its own word', { claims: { exp: now() - 100 } }],
    ['without an id', { claims: { jti: undefined } }],
    ['that is longer than any', { claims: { more: 'x'.repeat(4_096) } }],
  ])('%s proves nothing', async (_, made) => {
    expect(await thumbprintOf(await proof(made))).toBeUndefined();
  });

  it.each([undefined, '', 'a.b.c', ['two', 'headers']])('is not %p', async (header) => {
    expect(await thumbprintOf(header)).toBeUndefined();
  });

  it('is none when it was changed on the way, or sent twice in one header', async () => {
    const [head, , signature] = (await proof()).split('.');
    const [, changed] = (await proof({ claims: { htm: 'GET' } })).split('.');
    expect(await thumbprintOf(`${head}.${changed}.${signature}`, TOKEN, { method: 'GET' })).toBeUndefined();
    expect(await thumbprintOf(`${await proof()}, ${await proof()}`)).toBeUndefined();
  });

  it('counts once, however many ask at the same moment', async () => {
    const proofs = new DPoPProofs(ORIGIN);
    const request = asking(await proof());
    const found = await Promise.all(Array.from({ length: 8 }, () => proofs.thumbprintOf(request, TOKEN)));
    expect(found.filter((thumbprint) => thumbprint !== undefined)).toHaveLength(1);
    expect(await proofs.thumbprintOf(request, TOKEN)).toBeUndefined();
    expect(await proofs.thumbprintOf(asking(await proof()), TOKEN)).toBeDefined();
  });

  it('needs no token where one is only asked for', async () => {
    expect(
      await new DPoPProofs(ORIGIN).thumbprintOf(asking(await proof({ claims: { ath: undefined } }))),
    ).toBeDefined();
  });
});

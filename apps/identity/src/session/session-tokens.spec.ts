import { SESSION_TOKEN } from '@rebelcore/api-access/session.guard';
import type { SigningKeyRing } from '@rebelcore/credentials/signing-key-ring';
import { generateSigningKey, signJwt } from '@rebelcore/credentials/signing-keys';
import { randomUUID, sign } from 'node:crypto';
import { SessionTokens } from './session-tokens.js';

const current = generateSigningKey();
const ring = {
  current,
  find: (kid: string) => (kid === current.kid ? current : undefined),
} as unknown as SigningKeyRing;
const tokens = new SessionTokens(ring);
const now = () => Math.floor(Date.now() / 1000);
const sessionId = randomUUID();
const claims = { iss: SESSION_TOKEN.issuer, aud: SESSION_TOKEN.audience, sid: sessionId, iat: now(), exp: now() + 60 };

function withHeader(more: object): string {
  const header = { alg: 'ES256', typ: SESSION_TOKEN.typ, kid: current.kid, ...more };
  const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const signature = sign('sha256', Buffer.from(signed), { key: current.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

describe('a session token, at the service that issues it', () => {
  it('names its session', async () => {
    const { token } = tokens.issue({
      sessionId,
      portalUserId: randomUUID(),
      customerId: randomUUID(),
      owner: true,
      permissions: [],
    });
    expect(await tokens.sessionIdOf(token)).toBe(sessionId);
    expect(await tokens.sessionIdOf(withHeader({}))).toBe(sessionId);
  });

  it.each([
    ['of a key that is not ours', () => signJwt(generateSigningKey(), SESSION_TOKEN.typ, claims)],
    ['of another type', () => signJwt(current, 'at+jwt', claims)],
    ['that has expired', () => signJwt(current, SESSION_TOKEN.typ, { ...claims, iat: now() - 60, exp: now() })],
    ['that lives longer than any', () => signJwt(current, SESSION_TOKEN.typ, { ...claims, exp: now() + 61 })],
    ['from the future', () => signJwt(current, SESSION_TOKEN.typ, { ...claims, iat: now() + 90, exp: now() + 120 })],
    ['without a moment of issue', () => signJwt(current, SESSION_TOKEN.typ, { ...claims, iat: undefined })],
    ['that names a key of its own', () => withHeader({ jku: 'https://example.test/keys' })],
    ['with an extension that must be understood', () => withHeader({ crit: ['exp'] })],
    ['with something behind it', () => `${withHeader({})}=`],
    ['that is too long', () => withHeader({ x: 'x'.repeat(4_096) })],
  ])('is none %s', async (_, make) => {
    expect(await tokens.sessionIdOf(make())).toBeUndefined();
  });
});

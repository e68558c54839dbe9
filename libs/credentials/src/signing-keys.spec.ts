import { createPublicKey, randomBytes } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { generateSigningKey, openSigningKey, sealSigningKey, signJwt } from './signing-keys.js';

describe('a signing key', () => {
  const key = generateSigningKey();
  const encryptionKey = randomBytes(32);

  it('signs tokens that another library verifies with the published JWK', () => {
    const token = signJwt(key, 'at+jwt', { sub: 'someone', exp: 4_000_000_000 });
    const publicKey = createPublicKey({ key: { ...key.publicJwk }, format: 'jwk' });
    const verified = jwt.verify(token, publicKey, { algorithms: ['ES256'], complete: true });
    expect(verified.payload).toEqual({ sub: 'someone', exp: 4_000_000_000 });
    expect(verified.header).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: key.kid });
  });

  it('comes back from storage as the same key', () => {
    const opened = openSigningKey(sealSigningKey(key, encryptionKey), encryptionKey);
    expect(opened.publicJwk).toEqual(key.publicJwk);
    expect(opened.privateKey.equals(key.privateKey)).toBe(true);
  });

  it('does not open with another key, with a byte changed, or under another kid', () => {
    const stored = sealSigningKey(key, encryptionKey);
    const changed = Buffer.from(stored.sealedPrivateKey);
    changed.writeUInt8(changed.readUInt8(40) ^ 1, 40);
    expect(() => openSigningKey(stored, randomBytes(32))).toThrow(/KEY_ENCRYPTION_KEY/);
    expect(() => openSigningKey({ ...stored, sealedPrivateKey: changed }, encryptionKey)).toThrow(/cannot be opened/);
    expect(() => openSigningKey({ ...stored, kid: 'another' }, encryptionKey)).toThrow(/cannot be opened/);
  });

  it('never shows its private part in what is stored (invariant 7)', () => {
    const pkcs8 = key.privateKey.export({ type: 'pkcs8', format: 'der' });
    expect(sealSigningKey(key, encryptionKey).sealedPrivateKey.includes(pkcs8.subarray(-32))).toBe(false);
  });
});

import { isKey, seal, unseal } from './hand-over-cipher.js';

const credentials = {
  label: 'billing · production',
  username: '0193c9f4-2f0a-7c31-8f06-6f1d0a8f4c11@api.rebelcore.local',
  password: 'k3vTq9ZpWm2Ls8XnRb5YcHd7FgJ4tVwE6aUxQiOzPr1MyNsD',
};

describe('the cipher of a hand-over link', () => {
  it('gives back what was sealed to whoever has the key', async () => {
    const { ciphertext, key } = await seal(credentials);
    expect(await unseal(ciphertext, key)).toEqual(credentials);
  });

  it('seals with another key and another IV each time', async () => {
    const [first, second] = [await seal(credentials), await seal(credentials)];
    expect(first.key).not.toBe(second.key);
    expect(first.ciphertext.slice(0, 16)).not.toBe(second.ciphertext.slice(0, 16));
  });

  it('opens nothing with another key', async () => {
    const [first, second] = [await seal(credentials), await seal(credentials)];
    expect(await unseal(first.ciphertext, second.key)).toBeUndefined();
  });

  it('opens nothing that was changed on its way', async () => {
    const { ciphertext, key } = await seal(credentials);
    const other = ciphertext[20] === 'A' ? 'B' : 'A';
    expect(await unseal(`${ciphertext.slice(0, 20)}${other}${ciphertext.slice(21)}`, key)).toBeUndefined();
    expect(await unseal(ciphertext.slice(0, 10), key)).toBeUndefined();
    expect(await unseal('not base64!', key)).toBeUndefined();
  });

  it('fits into what the server keeps, also with the longest label', async () => {
    const { ciphertext } = await seal({ ...credentials, label: 'ß'.repeat(100) });
    expect(ciphertext).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(ciphertext.length).toBeLessThanOrEqual(8192);
  });

  it('keeps no byte of the password in sight', async () => {
    const { ciphertext } = await seal(credentials);
    expect(atob(ciphertext.replaceAll('-', '+').replaceAll('_', '/'))).not.toContain(credentials.password);
  });

  it('tells a key that was cut short before the link is opened', async () => {
    const { key } = await seal(credentials);
    expect(isKey(key)).toBe(true);
    expect(isKey(key.slice(0, -1))).toBe(false);
    expect(isKey('')).toBe(false);
    expect(isKey(`${key}%20`)).toBe(false);
  });
});

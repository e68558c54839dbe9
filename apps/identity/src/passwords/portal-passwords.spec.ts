import { hash } from '@node-rs/argon2';
import { QueueFull } from './fair-queue.js';
import { PortalPasswords } from './portal-passwords.js';

const DECOMPOSED = 'Pa\u0308sswort-12345';
const COMPOSED = 'P\u00e4sswort-12345';

const kept = (hashed: string | undefined) => () => Promise.resolve(hashed);

describe('the password of a person', () => {
  const passwords = new PortalPasswords();

  it('is kept as argon2id with the cost that OWASP recommends', async () => {
    expect(await passwords.hash(COMPOSED, 'a')).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  });

  it.each([
    [DECOMPOSED, COMPOSED],
    [COMPOSED, DECOMPOSED],
  ])('matches however the keyboard writes its letters: %j and %j', async (set, typed) => {
    expect(await passwords.matches(kept(await passwords.hash(set, 'a')), typed, 'a')).toBe(true);
  });

  it('matches as it was typed where it was hashed before passwords were normalised', async () => {
    expect(await passwords.matches(kept(await hash(DECOMPOSED)), DECOMPOSED, 'a')).toBe(true);
  });

  it('does not match another one, nor anything where there is none', async () => {
    expect(await passwords.matches(kept(await passwords.hash(COMPOSED, 'a')), 'Passwort-12345', 'a')).toBe(false);
    expect(await passwords.matches(kept(undefined), COMPOSED, 'a')).toBe(false);
  });

  it('is looked at in turn: a flood from one source sheds its own and not the right one from another', async () => {
    const stored = await passwords.hash(COMPOSED, 'a');
    let lookedUp = 0;
    const find = () => {
      lookedUp += 1;
      return Promise.resolve(stored);
    };
    const flood = Array.from({ length: 300 }, () => passwords.matches(find, 'wrong', 'flood'));
    const outcomes = Promise.allSettled(flood);
    await expect(passwords.matches(kept(stored), COMPOSED, 'home')).resolves.toBe(true);
    const shed = (await outcomes).filter(({ status }) => status === 'rejected');
    expect(shed.length).toBeGreaterThanOrEqual(300 - 34);
    expect(lookedUp).toBe(300 - shed.length);
    expect(lookedUp).toBeGreaterThan(0);
    expect(shed.every((outcome) => outcome.status === 'rejected' && outcome.reason instanceof QueueFull)).toBe(true);
  });
});

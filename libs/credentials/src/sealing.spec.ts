import { randomBytes } from 'node:crypto';
import { open, seal } from './sealing.js';

describe('what is sealed', () => {
  const key = randomBytes(32);
  const sealed = seal(Buffer.from('the secret'), key, 'second-factor:ada');

  it('opens again for what it belongs to', () => {
    expect(open(sealed, key, 'second-factor:ada').toString()).toBe('the secret');
    expect(sealed.includes('the secret')).toBe(false);
  });

  it('does not open for another thing, with another key, or changed in any byte', () => {
    expect(() => open(sealed, key, 'second-factor:bob')).toThrow();
    expect(() => open(sealed, randomBytes(32), 'second-factor:ada')).toThrow();
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(() => open(changed, key, 'second-factor:ada')).toThrow();
    }
  });

  it('never looks the same twice', () => {
    expect(seal(Buffer.from('the secret'), key, 'second-factor:ada').equals(sealed)).toBe(false);
  });
});

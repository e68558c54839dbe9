import { createHash } from 'node:crypto';

const LONGEST = 256;
const KEPT = 64;

/**
 * A record's key as tables have it. Whoever writes a topic chooses its keys, and an index takes no entry above 2 704 bytes:
 * of a longer key its beginning stands there, and its hash.
 */
export function storedKey(key: string): string {
  if (key.length <= LONGEST) return key;
  return `${key.slice(0, KEPT).toWellFormed()}…sha256:${createHash('sha256').update(key).digest('hex')}`;
}

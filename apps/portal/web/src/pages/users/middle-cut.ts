/**
 * "0193c9f4-2f0a-7c31-8f06-6f1d0a8f4c11@api.rebelcore.local" → "0193c9f4…8f4c11@api.rebelcore.local": both ends of
 * the id tell users apart, the middle does not, and ids made in one hour begin alike.
 */
export function middleCut(username: string): string {
  const at = username.lastIndexOf('@');
  const name = at < 0 ? username : username.slice(0, at);
  const domain = at < 0 ? '' : username.slice(at);
  return name.length <= KEPT_START + KEPT_END + 1
    ? username
    : `${name.slice(0, KEPT_START)}…${name.slice(-KEPT_END)}${domain}`;
}

const KEPT_START = 8;
const KEPT_END = 6;

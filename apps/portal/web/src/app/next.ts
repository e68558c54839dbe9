/**
 * Where to go after signing in: a path of this very origin, or the start. `//evil`, `/\evil`, `https:…` and what a
 * browser would make of tabs and line ends are all refused by comparing what it makes of them.
 */
export function safeNext(next: string | undefined, origin: string): string {
  if (next === undefined || !next.startsWith('/')) return '/';
  const url = URL.parse(next, origin);
  if (url === null || url.origin !== origin) return '/';
  const path = `${url.pathname}${url.search}${url.hash}`;
  return path.startsWith('//') || url.pathname === '/sign-in' ? '/' : path;
}

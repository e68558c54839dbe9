const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

export interface OriginFacts {
  readonly method: string;
  readonly origin?: string | undefined;
  readonly secFetchSite?: string | undefined;
  readonly host?: string | undefined;
}

/**
 * May this request change something? A browser says where a write comes from: only our own pages may write. What is no
 * browser sends neither header and carries no cookie that a stranger could use.
 *
 * @param publicOrigin scheme, host and port of our own pages
 */
export function mayWrite({ method, origin, secFetchSite, host }: OriginFacts, publicOrigin: string): boolean {
  if (SAFE_METHODS.has(method)) return true;
  if (origin !== undefined) return origin === publicOrigin || isSameHost(origin, host);
  return secFetchSite === undefined || secFetchSite === 'same-origin' || secFetchSite === 'none';
}

/** Our own page under another name than the public one, such as an address in the local network. */
function isSameHost(origin: string, host: string | undefined): boolean {
  const parsed = URL.parse(origin);
  return parsed !== null && parsed.origin === origin && parsed.host === host;
}

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

export interface OriginFacts {
  readonly method: string;
  readonly origin?: string | undefined;
  readonly secFetchSite?: string | undefined;
}

/**
 * May this request change something? A browser says where a write comes from: only our own pages may write, under the names that
 * are configured. The name that the request was sent to proves nothing, since whoever points a name here chooses it. What is
 * no browser sends neither header and carries no cookie that a stranger could use.
 *
 * @param ours schemes, hosts and ports of our own pages
 */
export function mayWrite({ method, origin, secFetchSite }: OriginFacts, ours: ReadonlySet<string>): boolean {
  if (SAFE_METHODS.has(method)) return true;
  if (origin !== undefined) return ours.has(origin);
  return secFetchSite === undefined || secFetchSite === 'same-origin' || secFetchSite === 'none';
}

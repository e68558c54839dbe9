/** Of one connection, or of no use to anybody outside. */
const NOT_RETURNED =
  /^(?:connection|keep-alive|proxy-.+|te|trailer|transfer-encoding|upgrade|via|server|x-powered-by)$/;
/** What browsers may do with an answer is said by the gateway alone, see security-headers.ts. */
const NOT_FOR_A_SERVICE_TO_SAY =
  /^(?:content-security-policy.*|cross-origin-.+|origin-agent-cluster|permissions-policy|referrer-policy|strict-transport-security|x-content-type-options|x-dns-prefetch-control|x-download-options|x-frame-options|x-permitted-cross-domain-policies|x-xss-protection|access-control-.+)$/;

/** What the caller receives. `mayChangeSession`: only then may a service set cookies. */
export function toCaller<T extends object>(headers: T, mayChangeSession: boolean): T {
  const named: unknown = Reflect.get(headers, 'connection');
  const perConnection = new Set(
    (typeof named === 'string' ? named : '').split(',').map((name) => name.trim().toLowerCase()),
  );
  const isReturned = (name: string) =>
    !NOT_RETURNED.test(name) &&
    !NOT_FOR_A_SERVICE_TO_SAY.test(name) &&
    !perConnection.has(name) &&
    (mayChangeSession || name !== 'set-cookie');
  return Object.fromEntries(Object.entries(headers).filter(([name]) => isReturned(name))) as T;
}

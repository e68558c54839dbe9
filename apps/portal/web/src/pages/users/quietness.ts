/** An application that runs once a day has called within this time, if it still does. */
export const QUIET_HOURS = 25;

/**
 * Whether an API user can be retired: is it long enough since its last call? One that never called is quiet.
 *
 * @param asOf till when calls are known; nothing is quiet while that is not known
 */
export function quietness(
  lastUsedAt: string | null,
  asOf: string | null,
): { readonly isQuiet: boolean; readonly since: string | undefined; readonly lastingMs: number } {
  if (asOf === null) return { isQuiet: false, since: lastUsedAt ?? undefined, lastingMs: 0 };
  if (lastUsedAt === null) return { isQuiet: true, since: undefined, lastingMs: 0 };
  const lastingMs = Math.max(0, Date.parse(asOf) - Date.parse(lastUsedAt));
  return { isQuiet: lastingMs >= QUIET_HOURS * 3_600_000, since: lastUsedAt, lastingMs };
}

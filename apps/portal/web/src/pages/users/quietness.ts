/** An application that runs once a day has called within this time, if it still does. */
export const QUIET_HOURS = 25;

/** Whether an API user can be retired: is it long enough since its last call? One that never called is quiet. */
export function quietness(
  lastUsedAt: string | null,
  now: number,
): { readonly isQuiet: boolean; readonly since: string | undefined; readonly lastingMs: number } {
  if (lastUsedAt === null) return { isQuiet: true, since: undefined, lastingMs: 0 };
  const lastingMs = Math.max(0, now - Date.parse(lastUsedAt));
  return { isQuiet: lastingMs >= QUIET_HOURS * 3_600_000, since: lastUsedAt, lastingMs };
}

/** When a signing key is used, in milliseconds since 1970 by the clock of the database that all replicas share. */
export interface KeyTimes {
  readonly kid: string;
  /** It signs from here on, until the next one does. */
  readonly signsFrom: number;
  /** It leaked: it signs nothing and is not published. Its predecessor stays one, and does not sign again. */
  readonly withdrawn: boolean;
}

const HOUR_MS = 3_600_000;

/** A key is published this long before it signs, so that everybody has fetched it when its first token arrives. */
export const LEAD_MS = HOUR_MS;

/** A key is published this long after its last signature: the 24 hours that a token lives, and an hour for slow clocks. */
export const RETIRED_AFTER_MS = 25 * HOUR_MS;

/** The key that signs at this time: the last one whose time has come; none when that one was withdrawn. */
export function signingAt<K extends KeyTimes>(keys: readonly K[], now: number): K | undefined {
  const last = bySignsFrom(keys).findLast(({ signsFrom }) => signsFrom <= now);
  return last?.withdrawn === true ? undefined : last;
}

/** The keys whose tokens may be met at this time, the one that signs among them and the next one too; newest first. */
export function publishedAt<K extends KeyTimes>(keys: readonly K[], now: number): K[] {
  return bySignsFrom(keys)
    .filter(({ withdrawn }, at, all) => {
      const successor = all[at + 1];
      return !withdrawn && (successor === undefined || now < successor.signsFrom + RETIRED_AFTER_MS);
    })
    .reverse();
}

/** The order of their time, and of their names where two have the same: every replica decides alike. */
function bySignsFrom<K extends KeyTimes>(keys: readonly K[]): K[] {
  return keys.toSorted((a, b) => a.signsFrom - b.signsFrom || (a.kid < b.kid ? -1 : 1));
}

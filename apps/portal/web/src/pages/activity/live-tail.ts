/** What the list needs to know of an entry. */
export interface Timed {
  readonly id: string;
  /** RFC 3339 UTC. */
  readonly occurred_at: string;
}

/** Entries that came since the list was loaded: those that stand above it, and those that wait to be asked for. */
export interface Tail<Entry extends Timed> {
  /** Newest first. */
  readonly shown: readonly Entry[];
  readonly held: readonly Entry[];
  /** Of held ones that were too many to be kept. */
  readonly heldBeyond: number;
}

export const emptyTail: Tail<never> = { shown: [], held: [], heldBeyond: 0 };

/** Entries that may enter the list in one second; more are summed up, since nobody reads faster. */
const READABLE_PER_SECOND = 5;
const MAX_SHOWN = 200;
const MAX_HELD = 200;

export const heldCount = ({ held, heldBeyond }: Tail<Timed>): number => held.length + heldBeyond;

/**
 * Takes in what came within the last second. It enters the list only while its reader is at the top with nothing focused
 * and nothing waits already; otherwise it waits, so that no row moves under the reader.
 *
 * @param loaded the ids of what the list has by itself, which is nothing new
 */
export function receive<Entry extends Timed>(
  tail: Tail<Entry>,
  arrived: readonly Entry[],
  readerIsAtTop: boolean,
  loaded: ReadonlySet<string> = new Set(),
): Tail<Entry> {
  const known = new Set([...tail.shown, ...tail.held].map(({ id }) => id));
  const news = arrived.filter(({ id }) => !known.has(id) && !loaded.has(id));
  if (news.length === 0) return tail;
  if (readerIsAtTop && heldCount(tail) === 0 && news.length <= READABLE_PER_SECOND) {
    return { ...tail, shown: newestFirst([...news, ...tail.shown]).slice(0, MAX_SHOWN) };
  }
  const held = [...tail.held, ...news];
  return {
    ...tail,
    held: held.slice(-MAX_HELD),
    heldBeyond: tail.heldBeyond + Math.max(0, held.length - MAX_HELD),
  };
}

/** Newest first and each once, whichever of the lists it came in. */
export function newestFirst<Entry extends Timed>(entries: readonly Entry[]): Entry[] {
  const each = new Map(entries.map((entry) => [entry.id, entry]));
  return [...each.values()].sort((a, b) => compare(b.occurred_at, a.occurred_at) || compare(b.id, a.id));
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** How far topics have come, each with the incarnation that is meant. */
export interface Ends {
  /** By topic, the offset after the last record of each partition. */
  readonly published: Readonly<Record<string, readonly string[]>>;
  readonly incarnations: Readonly<Record<string, string>>;
}

/** A heartbeat as this process knows it. */
export interface Beat extends Ends {
  /** Milliseconds by the clock of identity's database. */
  readonly at: number;
  /** When it was stored beside the view, in milliseconds by the clock of the view's database. */
  readonly arrivedAt: number;
  /** When this process learned of it. */
  readonly learned: Moment;
}

/**
 * Milliseconds by each clock at hand: since 1970 by this host's wall clock and by that of the view's database, which can be
 * set, and by the monotonic clock of this process, which only goes on and knows nothing from before it.
 */
export interface Moment {
  readonly wall: number;
  readonly database: number;
  readonly monotonic: number;
}

/** What a view has applied of a topic. */
export interface AppliedTopic {
  readonly topic: string;
  /** The next offset of each partition, with the incarnation it counts in. */
  readonly partitions: ReadonlyMap<number, { readonly offset: bigint; readonly incarnation: string | undefined }>;
  /** Incarnations of which records were lost before this view had read them. */
  readonly lostIn: ReadonlySet<string>;
}

export interface Currency {
  /** Of which heartbeat the view is current; undefined when nothing proves that it is of any. */
  readonly beat: Beat | undefined;
  /** Why it is not current as of the newest heartbeat, for an operator. */
  readonly withheld: string | undefined;
}

/** Clocks of two hosts that keep time differ by less. */
export const ALLOWED_SKEW_MS = 2_000;

/** What the topics held must be asked first. */
export const UNPROVEN: Currency = {
  beat: undefined,
  withheld: 'what the topics of this view hold is not known since its database was started',
};
const NO_HEARTBEAT = { beat: undefined, withheld: 'no heartbeat of identity has come yet' };

/**
 * Which heartbeat a view has caught up with: the newest one whose offsets, each counted in the topic it names, are all
 * applied, with nothing lost before.
 *
 * A heartbeat from the future proves nothing, and makes the others doubtful too: of two clocks at least one is wrong. What
 * was said before a clock was set back is not believed either.
 *
 * Nor is any before the view has applied what its topics held when its database was first seen as what it is: one that went
 * back took heartbeats and offsets with it, and they agree as before.
 *
 * @param held what the topics held then; undefined while that is not known
 * @param beats in the order in which they came
 * @param wall the present by this process' wall clock
 */
export function currencyOf(
  held: Ends | undefined,
  beats: readonly Beat[],
  applied: readonly AppliedTopic[],
  wall: number,
): Currency {
  const newest = beats.at(-1);
  if (held === undefined || !wasAskedOf(newest, held, applied)) return UNPROVEN;
  const lacking = missing(held, applied);
  if (lacking !== undefined) return { beat: undefined, withheld: lacking };
  if (newest === undefined) return NO_HEARTBEAT;
  const ahead = newest.at - wall;
  if (ahead > ALLOWED_SKEW_MS) {
    const seconds = String(Math.ceil(ahead / 1_000));
    const withheld = `the newest heartbeat is ${seconds} s ahead of this host's clock; compare it with that of identity's database`;
    return { beat: undefined, withheld };
  }
  const credible = beats.filter(({ at }) => at <= newest.at);
  const beat = credible.findLast((each) => missing(each, applied) === undefined);
  return { beat, withheld: missing(newest, applied) };
}

/** Whether each topic was asked, and is the one that a heartbeat speaks of: one that was made anew holds other records. */
const wasAskedOf = (beat: Beat | undefined, { incarnations }: Ends, applied: readonly AppliedTopic[]): boolean =>
  applied.every(({ topic }) => {
    const asked = incarnations[topic];
    return asked !== undefined && asked === (beat?.incarnations[topic] ?? asked);
  });

/**
 * Whether the view has applied what its topics held when its database was first seen as what it is, so that it may say what is. What
 * they had lost before is another matter.
 *
 * @param newest heartbeat, where there is one
 */
export const hasCaughtUp = (
  held: Ends | undefined,
  newest: Beat | undefined,
  applied: readonly AppliedTopic[],
): boolean => held !== undefined && wasAskedOf(newest, held, applied) && unread(held, applied) === undefined;

/** What the view lacks of that. */
function missing(ends: Ends, applied: readonly AppliedTopic[]): string | undefined {
  const lossy = applied.find(({ topic, lostIn }) => lostIn.has(ends.incarnations[topic] ?? ''));
  if (lossy === undefined) return unread(ends, applied);
  return `${lossy.topic} has lost records before they were read here; "npm run republish" fills it again`;
}

function unread({ published, incarnations }: Ends, applied: readonly AppliedTopic[]): string | undefined {
  for (const { topic, partitions } of applied) {
    const [ends, incarnation] = [published[topic], incarnations[topic]];
    if (ends === undefined || incarnation === undefined) return `the newest heartbeat does not speak of ${topic}`;
    for (const [partition, end] of ends.entries()) {
      const at = partitions.get(partition);
      if (at === undefined && end === '0') continue;
      const where = `${topic}/${String(partition)}`;
      if (at?.incarnation !== incarnation) return `${where} of incarnation ${incarnation} was not read yet`;
      if (BigInt(end) > at.offset) return `${where} was read up to ${String(at.offset)} of ${end}`;
    }
  }
  return undefined;
}

/**
 * How old that is, in milliseconds: by the wall clock, by what this process' monotonic clock has counted since it learned of
 * it, or by what the view's database has counted since it was stored, whichever is more. So no single clock that is set back, no
 * host that was suspended and no process that has just been started makes a view look younger. A clock that was set
 * forward makes it look older until the next heartbeat is caught up with.
 */
export function ageOf({ at, arrivedAt, learned }: Beat, now: Moment): number {
  const whenLearned = Math.max(0, learned.wall - at);
  return Math.max(now.wall - at, whenLearned + now.monotonic - learned.monotonic, now.database - arrivedAt, 0);
}

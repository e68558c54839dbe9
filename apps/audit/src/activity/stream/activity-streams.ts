import type { BeforeApplicationShutdown } from '@nestjs/common';
import { messageOf, type Logger } from '@rebelcore/messaging/logger';
import { Cursors } from '@rebelcore/service/cursor';
import { ProblemException } from '@rebelcore/service/problem';
import { z } from 'zod';
import type { ActivityFilter } from '../activity-filter.js';
import type { ActivityItem } from '../activity.query.js';
import {
  WHOLE,
  type Arrival,
  type ArrivalsQuery,
  type ArrivedEntry,
  type ArrivedPage,
  type Place,
} from './arrivals.query.js';
import { EventStream, eventText, HEARTBEAT } from './event-stream.js';
import { matches } from './matches.js';

const POLL_MS = 200;
const HEARTBEAT_MS = 5_000;
const AT_ONCE = 4;
/** Of one customer at once; the others have their turn then. */
const PAGES_AT_ONCE = 10;
const OF_A_CUSTOMER = 200;
const OF_A_PROCESS = 2_000;
/** Arrivals are kept for a day; what was told longer ago may lie before the first that is kept. */
const RESUMABLE_MS = 23 * 3_600_000;

/** Whoever was away for longer than a session may be idle begins to watch anew. */
const GOES_ON_MS = 3_600_000;

/** The place after an event, to whom it was told, which a former version did not say, and when, in milliseconds since 1970. */
const eventId = z.object({ position: z.int(), index: z.int(), to: z.uuid().optional(), at: z.int() });

export interface OpenStream {
  readonly customerId: string;
  readonly portalUserId: string;
  readonly filter: ActivityFilter;
  /** The id of the last event that the reader has seen; without it the stream begins now. */
  readonly lastEventId: string | undefined;
  /** Unix seconds, of the token. */
  readonly expiresAt: number;
}

/**
 * The live streams of this process (ADR 18). One question every 200 ms asks how far the log of all their customers has
 * come, whichever replica has written it; what is new of a customer is read once for all streams of that customer.
 */
export class ActivityStreams implements BeforeApplicationShutdown {
  private readonly byCustomer = new Map<string, Set<EventStream>>();
  private readonly ids: Cursors<z.infer<typeof eventId>>;
  private polling = false;
  private closed = false;

  constructor(
    private readonly arrivals: ArrivalsQuery,
    cursorKey: Buffer,
    private readonly logger: Logger,
  ) {
    this.ids = new Cursors(cursorKey, 'activity-stream', eventId);
  }

  /**
   * @throws {ProblemException} 400 for an id that was not told to this customer, 429 where there are too many
   */
  async open({ customerId, portalUserId, filter, lastEventId, expiresAt }: OpenStream): Promise<EventStream> {
    const last = this.placeOf(lastEventId, customerId);
    if (this.countOf(customerId) >= OF_A_CUSTOMER || this.count() >= OF_A_PROCESS) throw tooManyStreams();
    const head = (await this.arrivals.heads([customerId])).get(customerId) ?? 0;
    const age = last === undefined ? Infinity : Date.now() - last.at;
    // A database that was put back has not come as far as it had told.
    const isReset = last !== undefined && (last.to !== portalUserId || age > RESUMABLE_MS || last.position > head);
    const place = last === undefined || isReset ? { position: head, index: WHOLE } : last;
    const goesOn = !isReset && age <= GOES_ON_MS;
    const stream = new EventStream({ customerId, portalUserId, filter, place, goesOn, endsAt: expiresAt * 1_000 });
    stream.tell(eventText(isReset ? 'reset' : 'ready', this.idOf(place, stream), {}));
    this.add(stream);
    return stream;
  }

  /** Before HTTP is closed, which waits for every answer. */
  beforeApplicationShutdown(): void {
    this.closed = true;
    for (const stream of this.all()) this.end(stream);
  }

  private add(stream: EventStream): void {
    const { customerId } = stream.options;
    const streams = this.byCustomer.get(customerId) ?? new Set();
    this.byCustomer.set(customerId, streams.add(stream));
    stream.once('close', () => this.forget(stream));
    if (this.closed) this.end(stream);
    else if (!this.polling) void this.poll();
  }

  /** False when it was forgotten before. */
  private forget(stream: EventStream): boolean {
    const { customerId } = stream.options;
    const streams = this.byCustomer.get(customerId);
    const found = streams?.delete(stream) === true;
    if (streams?.size === 0) this.byCustomer.delete(customerId);
    return found;
  }

  /** As long as there is a stream. */
  private async poll(): Promise<void> {
    this.polling = true;
    while (this.byCustomer.size > 0) {
      try {
        await this.tellWhatIsNew();
      } catch (error) {
        // What was not told is told once it can be read again.
        this.logger.warn({ reason: messageOf(error) }, 'what is new in the log could not be read');
      }
      for (const stream of this.all()) {
        if (Date.now() >= stream.options.endsAt) this.end(stream);
        else if (performance.now() - stream.writtenAt >= HEARTBEAT_MS && stream.takesMore) stream.tell(HEARTBEAT);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    this.polling = false;
  }

  private async tellWhatIsNew(): Promise<void> {
    const heads = (await this.arrivals.heads([...this.byCustomer.keys()])).entries();
    const work = async () => {
      for (const [customerId, head] of heads) await this.tellCustomer(customerId, head);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  private async tellCustomer(customerId: string, head: number): Promise<void> {
    for (let pages = 0; pages < PAGES_AT_ONCE; pages += 1) {
      const waiting = [...(this.byCustomer.get(customerId) ?? [])].filter(
        (each) => each.takesMore && each.isBehind(head),
      );
      if (waiting.length === 0) return;
      // A place that is whole begins after its position.
      const next = waiting.map(({ place }) => (place.index < WHOLE ? place.position : place.position + 1));
      this.tellPage(await this.arrivals.from(customerId, Math.min(...next)), waiting);
    }
  }

  private tellPage({ arrivals, end }: ArrivedPage, streams: readonly EventStream[]): void {
    // The same text for all streams of one person, made when the first one wants it.
    const texts = new Map<string, string>();
    const textFor = (arrival: Arrival, stream: EventStream): string => {
      const key = `${stream.options.portalUserId} ${arrival.position} ${arrival.index}`;
      const text = texts.get(key) ?? eventText('entry', this.idOf(arrival, stream), shown(arrival.entry));
      texts.set(key, text);
      return text;
    };
    for (const stream of streams) {
      if (stream.place.position > end) continue;
      for (const arrival of arrivals) {
        const { position, index, entry } = arrival;
        if (!isAfter({ position, index }, stream.place)) continue;
        if (!stream.takesMore || stream.destroyed) break;
        stream.place = { position, index };
        if (matches(entry, stream.options.filter)) stream.tell(textFor(arrival, stream));
      }
      const last = arrivals.at(-1);
      const isDone = last === undefined || !isAfter(last, stream.place);
      if (isDone) stream.place = { position: Math.max(end, stream.place.position), index: WHOLE };
    }
  }

  /** The reader goes on from the place that the last event tells, past all that its filters left out. */
  private end(stream: EventStream): void {
    if (!this.forget(stream) || stream.destroyed) return;
    stream.tell(eventText('end', this.idOf(stream.place, stream), {}));
    stream.push(null);
  }

  private all(): EventStream[] {
    return [...this.byCustomer.values()].flatMap((streams) => [...streams]);
  }

  private count(): number {
    return [...this.byCustomer.values()].reduce((sum, { size }) => sum + size, 0);
  }

  private countOf(customerId: string): number {
    return this.byCustomer.get(customerId)?.size ?? 0;
  }

  private idOf({ position, index }: Place, { options: { customerId, portalUserId } }: EventStream): string {
    return this.ids.encode({ position, index, to: portalUserId, at: Date.now() }, customerId, {});
  }

  private placeOf(lastEventId: string | undefined, customerId: string): z.infer<typeof eventId> | undefined {
    try {
      return this.ids.decode(lastEventId, customerId, {});
    } catch {
      const rule = 'is not the id of an event of this stream';
      const errors = [{ field: 'last-event-id', rule }];
      throw new ProblemException(400, 'cursor.invalid', `last-event-id: ${rule}`, { errors });
    }
  }
}

const isAfter = (a: Place, b: Place): boolean =>
  a.position > b.position || (a.position === b.position && a.index > b.index);

/** As the list shows it. */
function shown({ actor_id: _, ...entry }: ArrivedEntry): ActivityItem {
  return entry;
}

function tooManyStreams(): ProblemException {
  const detail = 'There are too many live streams at the moment; please try again.';
  return new ProblemException(429, 'activity.too-many-streams', detail, { retryAfter: 5 });
}

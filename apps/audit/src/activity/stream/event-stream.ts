import { Readable } from 'node:stream';
import type { ActivityFilter } from '../activity-filter.js';
import { WHOLE, type Place } from './arrivals.query.js';

/** Bytes that wait for a slow reader before nothing more is read for it. */
const BUFFERED = 65_536;

export interface EventStreamOptions {
  readonly customerId: string;
  readonly portalUserId: string;
  readonly filter: ActivityFilter;
  /** It tells what comes after. */
  readonly place: Place;
  /** It takes the place of one that has ended, of the same reader. */
  readonly goesOn: boolean;
  /** Milliseconds since 1970: when the token ends with which it was opened. */
  readonly endsAt: number;
}

/** One reader's stream of server-sent events; how far it has come, and whether it takes more. */
export class EventStream extends Readable {
  place: Place;
  /** Milliseconds since 1970. */
  writtenAt = 0;
  /** False while a slow reader has to catch up. */
  takesMore = true;

  constructor(readonly options: EventStreamOptions) {
    super({ highWaterMark: BUFFERED });
    this.place = options.place;
  }

  /** True while something up to this position was not told. */
  isBehind(head: number): boolean {
    const { position, index } = this.place;
    return position < head || (position === head && index < WHOLE);
  }

  /** Hands on what {@link eventText} made, even when it has to wait for the reader. */
  tell(text: string): void {
    this.writtenAt = performance.now();
    this.takesMore = this.push(text);
  }

  override _read(): void {
    this.takesMore = true;
  }
}

/** An event as it goes over the wire; JSON holds no line break. */
export const eventText = (event: string, id: string, data: unknown): string =>
  `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

export const HEARTBEAT = ': heartbeat\n\n';

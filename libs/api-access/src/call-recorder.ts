import { call as callSchema, callEvents, MAX_REFUSED_TOGETHER, type Call } from '@rebelcore/contracts/call-events';
import { encodeEvent } from '@rebelcore/contracts/cloud-event';
import { callsTopic, FORMER_CALLS_TOPIC } from '@rebelcore/contracts/topics';
import { within } from '@rebelcore/messaging/deadline';
import { nextTurn } from '@rebelcore/messaging/pace';
import { PublishFailed, type OutgoingRecord, type Publisher } from '@rebelcore/messaging/publish/publisher';
import { randomUUIDv7 } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CallSpool } from './call-spool.js';
import { foldRefusals } from './fold-refusals.js';

export interface CallRecorderOptions {
  /** The service that answers the calls: `token`. Its Kafka login may write its topic, `api.calls.token.v1`, and no other's. */
  readonly service: string;
  readonly publisher: Publisher;
  readonly spool: CallSpool;
  /** How long Kafka may take before the calls go to the spool instead. */
  readonly acknowledgeWithinMs?: number;
  /** After this long a call counts as not recorded and its answer is withheld. */
  readonly deadlineMs?: number;
  /** How long to wait between attempts while Kafka is away. */
  readonly retryEveryMs?: number;
  /** Told when Kafka is away, and why, and when it is back. */
  readonly onStateChange?: (kafkaAway: boolean, cause?: unknown) => void;
  /** Told of a file with records that the broker will never take, or that cannot be read. */
  readonly onSetAside?: (path: string) => void;
}

/** The call could not be recorded in time, so it must not be answered. */
export class RecordingFailed extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RecordingFailed';
  }
}

export interface CallRecorderStatus {
  readonly kafkaAway: boolean;
  readonly spooledBytes: number;
  /** Spool files that a person should look at. */
  readonly setAsideFiles: number;
}

interface Waiting {
  readonly customerId: string;
  readonly call: Call | (() => Call);
  readonly since: number;
  readonly resolve: () => void;
  readonly reject: (error: RecordingFailed) => void;
}

/** Together they keep one produce well below the megabyte that a broker accepts by default, whatever is in the calls. */
const MAX_CALLS_PER_RECORD = 200;
const MAX_BYTES_PER_PRODUCE = 500_000;
/** All of which may be refusals alike. */
const MAX_CALLS_PER_FLUSH = MAX_REFUSED_TOGETHER;
/** Between the beginnings of two produces. Under load more calls then share each; one that comes alone never waits. */
const PACE_MS = 4;
const CHECK_DEADLINES_EVERY_MS = 100;
/** A spool that is smaller is waited for rather than added to: that is quicker than the disk, and ends the detour. */
const ALMOST_DRAINED_BYTES = 1_000_000;
const CLOSE_WITHIN_MS = 3_000;

/**
 * Makes records of calls durable before they are answered: whatever waits goes into the next produce, and into the spool
 * while Kafka is away. While anything is in the spool new calls go there as well, so that the order is kept. See ADR 4.
 */
export class CallRecorder {
  /** Another process, or this one after a restart, counts its sequences anew and so is another source. */
  private source: string;
  private readonly sequences = new Map<string, number>();
  private readonly topic: string;
  private readonly acknowledgeWithinMs: number;
  private readonly deadlineMs: number;
  private readonly retryEveryMs: number;
  private waiting: Waiting[] = [];
  private inFlight: readonly Waiting[] = [];
  private flushing: Promise<void> | undefined;
  private flushedAt = -Infinity;
  private draining: Promise<void> | undefined;
  private kafkaAway = false;
  private readonly closing = new AbortController();
  private closeBy = Infinity;
  private deadlineTimer: NodeJS.Timeout | undefined;

  constructor(private readonly options: CallRecorderOptions) {
    this.source = this.newSource();
    this.topic = callsTopic(options.service);
    this.acknowledgeWithinMs = options.acknowledgeWithinMs ?? 700;
    this.deadlineMs = options.deadlineMs ?? 2_000;
    this.retryEveryMs = options.retryEveryMs ?? 500;
    if (!options.spool.isEmpty) this.drain();
  }

  /**
   * Resolves once the record of the call is durable.
   *
   * @param customerId the customer it belongs to, or `UNATTRIBUTED`
   * @param call or what makes it, asked once, when the records are made; never where it is too late for that
   * @throws {RecordingFailed} not later than the deadline
   */
  record(customerId: string, call: Call | (() => Call)): Promise<void> {
    if (this.closing.signal.aborted) return Promise.reject(new RecordingFailed('the recorder is closed'));
    return new Promise((resolve, reject) => {
      this.waiting.push({ customerId, call, since: performance.now(), resolve, reject });
      this.deadlineTimer ??= setInterval(() => {
        this.rejectOverdue();
      }, CHECK_DEADLINES_EVERY_MS).unref();
      this.flushing ??= this.flush();
    });
  }

  status(): CallRecorderStatus {
    const { spool } = this.options;
    return { kafkaAway: this.kafkaAway, spooledBytes: spool.bytes, setAsideFiles: spool.setAside };
  }

  /** Finishes what waits, tries once more to empty the spool, and keeps the rest of it for the next process. */
  async close(): Promise<void> {
    this.closeBy = performance.now() + CLOSE_WITHIN_MS;
    this.closing.abort();
    await this.flushing;
    await this.draining;
    clearInterval(this.deadlineTimer);
    await this.options.spool.close();
  }

  private async flush(): Promise<void> {
    while (this.waiting.length > 0) {
      await nextTurn(this.flushedAt + PACE_MS);
      this.flushedAt = performance.now();
      const batch = this.waiting.splice(0, MAX_CALLS_PER_FLUSH);
      this.inFlight = batch;
      try {
        await this.store(this.recordsOf(batch));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        // Whether Kafka has these numbers is unknown: used again they would clash, left out they would be a gap.
        this.source = this.newSource();
        this.sequences.clear();
        const failed = new RecordingFailed((error as Error).message, { cause: error });
        for (const { reject } of batch) reject(failed);
      }
      this.inFlight = [];
    }
    clearInterval(this.deadlineTimer);
    this.deadlineTimer = undefined;
    this.flushing = undefined;
  }

  private async store(records: readonly OutgoingRecord[]): Promise<void> {
    const { spool } = this.options;
    if (this.draining && !this.kafkaAway && spool.bytes < ALMOST_DRAINED_BYTES) {
      const late = () => new Error('the spool is still being drained');
      await within(this.acknowledgeWithinMs, this.draining, late).catch(() => undefined);
    }
    if (spool.isEmpty && !this.kafkaAway) {
      try {
        await this.publish(records, this.acknowledgeWithinMs);
        return;
      } catch (error) {
        this.setKafkaAway(true, error);
      }
    }
    try {
      await spool.append(records);
    } catch (error) {
      // With nothing to drain nobody else would find out that Kafka is back.
      if (spool.isEmpty) this.setKafkaAway(false);
      throw error;
    }
    this.drain();
  }

  private async publish(records: readonly OutgoingRecord[], timeoutMs: number): Promise<void> {
    for (const portion of portionsOf(records)) await this.options.publisher.publish(portion, { timeoutMs });
  }

  private drain(): void {
    this.draining ??= this.drainSpool().finally(() => {
      this.draining = undefined;
    });
  }

  /** Empties the spool into Kafka, oldest first, for as long as it takes. */
  private async drainSpool(): Promise<void> {
    const { spool } = this.options;
    /** Of the oldest segment, once the rest of it is delivered. */
    let refused: readonly OutgoingRecord[] | undefined;
    while (!spool.isEmpty && performance.now() < this.closeBy) {
      try {
        refused ??= await this.deliver((await spool.oldest()) ?? []);
        this.setKafkaAway(false);
        for (const path of await spool.dropOldest(refused)) this.options.onSetAside?.(path);
        refused = undefined;
      } catch (error) {
        if (refused === undefined) this.setKafkaAway(true, error);
        const { signal } = this.closing;
        if (signal.aborted) return;
        await sleep(this.retryEveryMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** Answers those records that the broker will never take from this service; they are found by sending each alone. */
  private async deliver(spooled: readonly OutgoingRecord[]): Promise<readonly OutgoingRecord[]> {
    const timeoutMs = this.acknowledgeWithinMs * 3;
    // Another service's calls would be told as this one's.
    const [own, refused] = partition(spooled, ({ topic }) => topic === this.topic || topic === FORMER_CALLS_TOPIC);
    const records = own.map((record) => ({ ...record, topic: this.topic }));
    try {
      await this.publish(records, timeoutMs);
      return refused;
    } catch (error) {
      if (!isRefusedForGood(error)) throw error;
    }
    for (const record of records) {
      await this.options.publisher.publish([record], { timeoutMs }).catch((error: unknown) => {
        if (!isRefusedForGood(error)) throw error;
        refused.push(record);
      });
    }
    return refused;
  }

  private setKafkaAway(away: boolean, cause?: unknown): void {
    if (this.kafkaAway === away) return;
    this.kafkaAway = away;
    this.options.onStateChange?.(away, cause);
  }

  /** One timer for all calls: a promise that is settled already does not mind being rejected. */
  private rejectOverdue(): void {
    const overdue = performance.now() - this.deadlineMs;
    const failed = new RecordingFailed(`the call could not be recorded within ${this.deadlineMs} ms`);
    for (const each of this.inFlight) if (each.since <= overdue) each.reject(failed);
    const late = this.waiting.filter((each) => each.since <= overdue);
    if (late.length === 0) return;
    this.waiting = this.waiting.filter((each) => each.since > overdue);
    for (const { reject } of late) reject(failed);
  }

  /** The calls of one customer become one record, and alike refusals one item: bytes and objects per record are what recording costs. */
  private recordsOf(batch: readonly Waiting[]): OutgoingRecord[] {
    const records: OutgoingRecord[] = [];
    for (const [customerId, waiting] of Map.groupBy(batch, (each) => each.customerId)) {
      const calls = foldRefusals(waiting.flatMap(readable));
      for (let from = 0; from < calls.length; from += MAX_CALLS_PER_RECORD) {
        records.push(this.recordOf(customerId, calls.slice(from, from + MAX_CALLS_PER_RECORD)));
      }
    }
    return records;
  }

  private newSource(): string {
    return `/${this.options.service}/${randomUUIDv7()}`;
  }

  private recordOf(customerId: string, calls: Call[]): OutgoingRecord {
    const sequence = (this.sequences.get(customerId) ?? 0) + 1;
    this.sequences.set(customerId, sequence);
    const event = {
      id: randomUUIDv7(),
      source: this.source,
      type: callEvents.wireType('ApiCallRecorded'),
      time: calls.at(-1)?.at ?? new Date().toISOString(),
      subject: this.options.service,
      sequence,
      correlationId: calls[0]?.correlationId ?? '',
      data: { customerId, calls },
    };
    return { topic: this.topic, ...encodeEvent(event, customerId) };
  }
}

/**
 * The call as readers take it, without what they would refuse of it: for one wrong member they would park the whole record, and others'
 * calls with it. One that cannot do without is not recorded.
 */
function readable({ call, reject }: Waiting): Call[] {
  const made = typeof call === 'function' ? call() : call;
  const { error } = callSchema.safeParse(made);
  if (error === undefined) return [made];
  const wrong = new Set(error.issues.map(({ path: [member] }) => member));
  const rest = callSchema.safeParse(Object.fromEntries(Object.entries(made).filter(([member]) => !wrong.has(member))));
  if (rest.success) return [rest.data];
  reject(new RecordingFailed(`no reader would take the call: ${rest.error.message}`));
  return [];
}

const isRefusedForGood = (error: unknown): boolean =>
  error instanceof PublishFailed && error.code === 'publish.refused';

function partition<T>(all: readonly T[], belongs: (each: T) => boolean): [T[], T[]] {
  const { in: those = [], out: others = [] } = Object.groupBy(all, (each) => (belongs(each) ? 'in' : 'out'));
  return [those, others];
}

/** The records in order, in portions that a broker accepts. */
function* portionsOf(records: readonly OutgoingRecord[]): Generator<OutgoingRecord[]> {
  let portion: OutgoingRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = Buffer.byteLength(record.value) + 500;
    if (bytes + size > MAX_BYTES_PER_PRODUCE && portion.length > 0) {
      yield portion;
      portion = [];
      bytes = 0;
    }
    portion.push(record);
    bytes += size;
  }
  if (portion.length > 0) yield portion;
}

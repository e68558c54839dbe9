import { Controller, UseFilters } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { callEvents, type Call } from '@rebelcore/contracts/call-events';
import { MalformedEvent } from '@rebelcore/contracts/cloud-event';
import { identityEvents } from '@rebelcore/contracts/identity-events';
import { tokenEvents } from '@rebelcore/contracts/token-events';
import { FORMER_CALLS_TOPIC, writerOfCalls, type Topic } from '@rebelcore/contracts/topics';
import type { ReceivedBatch, ReceivedMessage } from '@rebelcore/messaging/consume/batch-consumer';
import { ViewFreshness } from '@rebelcore/messaging/project/freshness';
import { RethrowFilter } from '@rebelcore/messaging/consume/kafka-batch-strategy';
import { Projection } from '@rebelcore/messaging/project/projection';
import type { ProjectionHandlers } from '@rebelcore/messaging/project/projection-handlers';
import type { PoolClient } from 'pg';
import type { Order } from '@rebelcore/messaging/project/sequence-gate';
import { describeCalls, describeFormerCalls, describeIdentityEvent, describeTokenEvent } from './description.js';
import { append } from './activity.view.js';
import { attributed, noteApiUsers } from './attribution.js';
import type { ActivityEntry } from './entry.js';
import { lossesToTell } from './loss.js';

/** A record with the entries it becomes. */
interface Described {
  readonly sequence: number;
  readonly entries: readonly ActivityEntry[];
}

/** How each topic becomes entries of the log. An entry's time and id come from its event, so that repeats are known. */
const ofFixedTopics = {
  'identity.events.v1': handlers(
    (message) => {
      const event = identityEvents.read(message);
      mustBearKey(message, event.data.customerId);
      return { sequence: event.sequence, entries: [plausible(describeIdentityEvent(event))] };
    },
    { sequenced: true },
    async (tx, events) => {
      const entries = entriesOf(events);
      await noteApiUsers(tx, entries);
      const ofNewcomers = entriesOf(events.filter(({ sequence }) => sequence === 1));
      await append(tx, [...(await lossesToTell(tx, ofNewcomers)), ...entries]);
    },
  ),
  'token.events.v1': handlers(
    (message) => {
      const event = tokenEvents.read(message);
      mustBearKey(message, event.data.customerId);
      return { sequence: event.sequence, entries: [plausible(describeTokenEvent(event))] };
    },
    { unordered: true },
  ),
} satisfies Partial<Record<Topic, ProjectionHandlers<Described>>>;

type CallEvent = ReturnType<typeof callEvents.read>;
type DescribeCalls = (event: CallEvent, writer: string, message: ReceivedMessage) => ActivityEntry[];

/** Calls that one service answered, each an entry in the name of that service, whatever they say of themselves. */
const callsOf = (writer: string, describe: DescribeCalls = atTheirTimes) =>
  handlers(
    (message) => {
      const event = callEvents.read(message);
      mustBearKey(message, event.data.customerId);
      return { sequence: event.sequence, entries: describe(event, writer, message) };
    },
    { unordered: true },
    async (tx, events) => {
      const entries = entriesOf(events);
      await append(tx, writer === 'token' ? await attributed(tx, entries) : entries);
    },
  );

/** From the topic that all services wrote before each had its own (ADR 26). */
const formerCalls = handlers(
  (message) => {
    const event = callEvents.read(message);
    mustBearKey(message, event.data.customerId);
    return { sequence: event.sequence, entries: describeFormerCalls(event).map(plausible) };
  },
  { unordered: true },
);

const ofWriters = new Map<string, ProjectionHandlers<Described>>();

/** How the records of a topic become entries; undefined for a topic of which the log knows nothing. */
export function activityHandlers(topic: string): ProjectionHandlers<Described> | undefined {
  if (topic === 'identity.events.v1' || topic === 'token.events.v1') return ofFixedTopics[topic];
  if (topic === FORMER_CALLS_TOPIC) return formerCalls;
  const writer = writerOfCalls(topic);
  if (writer === undefined) return undefined;
  const known = ofWriters.get(writer) ?? callsOf(writer);
  ofWriters.set(writer, known);
  return known;
}

/**
 * The same for records that are parked, where an operator takes a call whose time cannot be right for one of the moment at which the
 * broker took its record.
 */
export function activityHandlersByRecordTime(): typeof activityHandlers {
  const describe = byRecordTime();
  return (topic) => {
    const writer = writerOfCalls(topic);
    return writer === undefined ? activityHandlers(topic) : callsOf(writer, describe);
  };
}

/** Writes down what every topic says, each event and each call exactly once (ADR 3). */
@Controller()
@UseFilters(RethrowFilter)
export class ActivityProjector {
  constructor(
    private readonly projection: Projection,
    private readonly freshness: ViewFreshness,
  ) {}

  @EventPattern('identity.events.v1')
  identityEvents(batch: ReceivedBatch): Promise<void> {
    return this.projection.apply(batch, ofFixedTopics['identity.events.v1']);
  }

  @EventPattern('token.events.v1')
  tokenEvents(batch: ReceivedBatch): Promise<void> {
    return this.projection.apply(batch, ofFixedTopics['token.events.v1']);
  }

  /** Those of every API there is, and of those that are registered while this runs. */
  @EventPattern('api.calls.*.v1')
  async calls(batch: ReceivedBatch): Promise<void> {
    const ofWriter = activityHandlers(batch.topic);
    if (ofWriter !== undefined) await this.projection.apply(batch, ofWriter);
  }

  /** A pattern, since the topic is only there in an installation that has been upgraded. */
  @EventPattern('api.calls.*')
  async formerCalls(batch: ReceivedBatch): Promise<void> {
    if (batch.topic === FORMER_CALLS_TOPIC) await this.projection.apply(batch, formerCalls);
  }

  @EventPattern('identity.heartbeats.v1')
  heartbeats(batch: ReceivedBatch): Promise<void> {
    return this.freshness.record(batch);
  }
}

type Apply = (tx: PoolClient, events: readonly Described[]) => Promise<void>;

const entriesOf = (events: readonly Described[]): readonly ActivityEntry[] => events.flatMap(({ entries }) => entries);

function handlers(
  read: (message: ReceivedMessage) => Described,
  order: Order,
  apply: Apply = (tx, events) => append(tx, entriesOf(events)),
): ProjectionHandlers<Described> {
  return {
    ...order,
    read,
    apply: (tx, events) =>
      apply(
        tx,
        events.map(({ event }) => event),
      ),
  };
}

/** The key says whose records wait for each other, so it must be what the record says. */
function mustBearKey({ key }: ReceivedMessage, customerId: string): void {
  if (key !== customerId) throw new MalformedEvent('event.bad-data', 'the key is not the customer');
}

const FIRST_MOMENT = Date.parse('2020-01-01T00:00:00Z');
const A_DAY_MS = 86_400_000;

/** A clock gone wrong must neither make partitions at will nor put an entry where nobody looks. */
function plausible(entry: ActivityEntry): ActivityEntry {
  const at = Date.parse(entry.occurredAt);
  if (at >= FIRST_MOMENT && at <= Date.now() + A_DAY_MS) return entry;
  throw new MalformedEvent('event.bad-data', `the time ${entry.occurredAt} cannot be right`);
}

/** As long as a call may have waited in a spool: what is older would lie in a part of the log that was read long ago. */
const SPOOLED_MS = 30 * A_DAY_MS;
const CLOCK_SKEW_MS = 15 * 60_000;

/** A call came before the broker took its record, and so did the last of several; only that moment no writer can choose. */
const fitsRecord = ({ at, lastAt = at }: Call, { timestamp }: ReceivedMessage): boolean =>
  Date.parse(at) >= timestamp - SPOOLED_MS && Date.parse(lastAt) <= timestamp + CLOCK_SKEW_MS;

/** @throws {MalformedEvent} for a time that cannot be right */
function atTheirTimes(event: CallEvent, writer: string, message: ReceivedMessage): ActivityEntry[] {
  for (const call of event.data.calls) {
    if (fitsRecord(call, message)) continue;
    const { at, lastAt = at } = call;
    const [times, recorded] = [lastAt === at ? at : `${at} to ${lastAt}`, recordedAt(message)];
    throw new MalformedEvent('event.bad-data', `the time ${times} cannot be that of a call recorded at ${recorded}`);
  }
  return describeCalls(event, writer);
}

/** A call whose time cannot be right gets that of its record, and keeps what it claims in the metadata. */
function byRecordTime(): DescribeCalls {
  // A call that was written twice is one entry, which has one time.
  const times = new Map<string, string>();
  return (event, writer, message) => {
    const { calls } = event.data;
    const dated = calls.map((call) => {
      if (fitsRecord(call, message)) return call;
      const id = `${writer} ${call.id}`;
      const at = times.get(id) ?? recordedAt(message);
      times.set(id, at);
      return { ...call, at, ...(call.lastAt !== undefined && { lastAt: at }) };
    });
    const entries = describeCalls({ ...event, data: { ...event.data, calls: dated } }, writer);
    return entries.map((entry, n) => {
      const claimed = calls[n];
      if (claimed === undefined || claimed === dated[n]) return entry;
      const { at: claimed_at, lastAt: claimed_last_at } = claimed;
      const claims = { claimed_at, ...(claimed_last_at !== undefined && { claimed_last_at }) };
      return { ...entry, metadata: { ...entry.metadata, ...claims } };
    });
  };
}

const recordedAt = ({ timestamp }: ReceivedMessage) => new Date(timestamp).toISOString();

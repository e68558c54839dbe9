import { callEvents } from '@rebelcore/contracts/call-events';
import { encodeEvent } from '@rebelcore/contracts/cloud-event';
import { callsTopic, FORMER_CALLS_TOPIC, TOPICS } from '@rebelcore/contracts/topics';
import { parsePlaces } from '@rebelcore/messaging/project/discard';
import { registerApi } from '@rebelcore/messaging/topics-admin';
import type { OutgoingRecord } from '@rebelcore/messaging/publish/publisher';
import { testKafka } from '@rebelcore/testing/test-kafka';
import { until } from '@rebelcore/testing/until';
import kafkajs from 'kafkajs';
import { randomBytes, randomUUIDv7 as uuid } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import { AuditFixture, Customer } from '../audit.fixture-spec.js';
import { activityHandlers, activityHandlersByRecordTime } from './activity.projector.js';
import { append } from './activity.view.js';
import { describeDiscard } from './description.js';

/** The service whose Kafka login has fallen into the wrong hands. */
const HOSTILE = 'inference';
const OWN = callsTopic(HOSTILE);

let audit: AuditFixture;
beforeAll(async () => {
  audit = await AuditFixture.start();
});
afterAll(async () => {
  await audit.stop();
});

/** A record of calls with whatever headers, key and value a writer may choose. */
function record(customerId: string, call: object, change: Partial<OutgoingRecord> = {}): OutgoingRecord {
  const event = {
    id: uuid(),
    source: '/token',
    type: callEvents.wireType('ApiCallRecorded'),
    time: new Date().toISOString(),
    subject: 'token',
    sequence: 1,
    correlationId: 'forged',
    data: { customerId, calls: [{ ...forged, id: uuid(), at: new Date().toISOString(), ...call }] },
  };
  return { topic: OWN, ...encodeEvent(event, customerId), ...change };
}
const forged = {
  service: 'token',
  route: 'POST /api/v1/authorize',
  status: 200,
  outcome: 'success',
  durationMs: 1,
  ip: '203.0.113.7',
  userAgent: 'forged',
  correlationId: 'forged',
};

/** Id and time of each entry that a record becomes, as they stand in it for whoever reads the topic. */
function copied({ headers, value }: OutgoingRecord): { id: string; at: string }[] {
  const { calls } = JSON.parse(value) as { calls?: { id: string; at: string }[] };
  return calls?.map(({ id, at }) => ({ id, at })) ?? [{ id: headers.ce_id ?? '', at: headers.ce_time ?? '' }];
}

const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString();

const manyHeaders = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`h${String(index)}`, '']));

const parked = async (key: string) => {
  const sql = 'select topic, code from parked_record where key = $1 order by topic, "offset"';
  return (await audit.owner.query<{ topic: string; code: string }>(sql, [key])).rows;
};

describe('S16: the Kafka login of a downstream API, used against the log', () => {
  it('writes no topic but its own', async () => {
    const others = [...Object.keys(TOPICS), FORMER_CALLS_TOPIC].filter((topic) => topic !== OWN);
    for (const topic of others) {
      await expect(audit.publish(HOSTILE, [record(uuid(), {}, { topic })])).rejects.toThrow(/authoriz/i);
    }
  });

  it('hides nothing by copying ids and times before the entries themselves arrive, and all of it bears its name', async () => {
    const { customer } = new Customer().wholeStory();
    const ofOthers = customer.records.filter(({ topic }) => topic !== OWN);
    const copies = ofOthers.flatMap((original) => copied(original).map((call) => record(customer.id, call)));
    await audit.processed(await audit.publish(HOSTILE, copies));
    await audit.arrive(customer);
    const entries = await audit.walk(customer.id);
    const mine = entries.filter(({ metadata }) => metadata.user_agent === 'forged');
    const others = entries.filter(({ metadata }) => metadata.user_agent !== 'forged');
    expect(others.map(({ id, event_type }) => [id, event_type]).sort()).toEqual([...customer.expected].sort());
    expect(mine).toHaveLength(copies.length);
    expect(new Set(entries.map(({ id }) => id)).size).toBe(entries.length);
    for (const { event_type, metadata } of mine) expect([event_type, metadata.service]).toEqual(['api.call', HOSTILE]);
  });

  it('makes no token and no use of one appear', async () => {
    const { customer, apiUserId } = new Customer().wholeStory();
    await audit.arrive(customer);
    const exp = Math.floor(Date.now() / 1000) + 3_600;
    await audit.processed(
      await audit.publish(HOSTILE, [record(customer.id, { apiUserId, tokenId: 'x', tokenExpiresAt: exp })]),
    );
    const usage = await until(async () => {
      const { body } = await audit.ask(`/api/v1/api-users/${apiUserId}/usage`, audit.token(customer.id));
      return body.last_used_ip === forged.ip ? body : undefined;
    }, 'the call to count as use of that API');
    expect(usage.live_tokens).toBe(0);
  });

  it.each([
    ['a value that is no JSON', { value: 'x' }, 'event.bad-json'],
    ['a type that nobody knows', { headers: {} }, 'event.bad-header'],
    ['a value without a call', { value: JSON.stringify({ customerId: uuid(), calls: [] }) }, 'event.bad-data'],
    ['more headers than anybody reads', { headers: manyHeaders(20_000) }, 'event.bad-header'],
    [
      'headers that every object has',
      { headers: { constructor: 'x', toString: 'x', hasOwnProperty: 'x' } },
      'event.bad-header',
    ],
  ])('holds up nobody with %s under their key', async (_, change, code) => {
    const customer = new Customer();
    await audit.processed(await audit.publish(HOSTILE, [record(customer.id, {}, change)]));
    customer.wholeStory();
    await audit.arrive(customer);
    const entries = await audit.walk(customer.id);
    expect(entries.map(({ id }) => id).sort()).toEqual([...customer.expected.keys()].sort());
    expect(await parked(customer.id)).toEqual([{ topic: OWN, code }]);
  });

  it('holds up nobody by what it packs, as producers of other languages do', async () => {
    const { CompressionTypes, CompressionCodecs } = kafkajs;
    const unreadable = CompressionCodecs[CompressionTypes.ZSTD] as () => unknown;
    CompressionCodecs[CompressionTypes.ZSTD] = () => ({
      compress: ({ buffer }: { buffer: Buffer }) => Promise.resolve(zstdCompressSync(buffer)),
      decompress: unreadable,
    });
    const customer = new Customer().callsOf(HOSTILE, {});
    const producer = testKafka().client(HOSTILE).producer();
    await producer.connect();
    await producer.send({ topic: OWN, compression: CompressionTypes.ZSTD, messages: customer.records });
    await producer.disconnect();
    await until(async () => (await audit.walk(customer.id)).length > 0, 'what was packed to be in the log');
    expect((await audit.walk(customer.id)).map(({ id }) => id)).toEqual([...customer.expected.keys()]);
  });

  it('holds up nobody by one customer in two spellings', async () => {
    const customer = new Customer();
    const capitals = customer.id.toUpperCase();
    const spellings = [record(customer.id, {}), record(capitals, {})];
    await audit.processed(await audit.publish(HOSTILE, spellings));
    expect(await audit.walk(customer.id)).toHaveLength(1);
    expect(await parked(capitals)).toEqual([{ topic: OWN, code: 'event.bad-data' }]);
  });

  it.each([
    ['in ten years', 3_650],
    ['a day ahead', 1],
    ['two months ago', -60],
    ['in the last century', -20_000],
  ])('puts no call %s', async (_, days) => {
    const customer = new Customer();
    const at = inDays(days);
    // Neither the event's own time nor what the producer stamps on the record makes it better.
    const [made] = [record(customer.id, { at })];
    await audit.processed(await audit.publish(HOSTILE, [{ ...made, headers: { ...made.headers, ce_time: at } }]));
    customer.callsOf(HOSTILE, {});
    await audit.arrive(customer);
    expect((await audit.walk(customer.id)).map(({ id }) => id)).toEqual([...customer.expected.keys()]);
    expect(await parked(customer.id)).toEqual([{ topic: OWN, code: 'event.bad-data' }]);
  });

  it.each([
    ['in ten years', { count: 2, lastAt: inDays(3_650) }],
    ['before the first', { count: 2, lastAt: inDays(-1) }],
    ['without a first', { lastAt: new Date().toISOString() }],
  ])('puts the last of several calls nowhere %s', async (_, several) => {
    const customer = new Customer();
    await audit.processed(await audit.publish(HOSTILE, [record(customer.id, several)]));
    expect(await audit.walk(customer.id)).toEqual([]);
    expect(await parked(customer.id)).toEqual([{ topic: OWN, code: 'event.bad-data' }]);
  });

  it('puts nothing into the log of a customer under another key, and goes on with a key of any kind', async () => {
    const [victim, other] = [new Customer().callsOf(HOSTILE, {}), uuid()];
    const keys = [other, '', randomBytes(3_000).toString('base64url'), '\0', victim.id.toUpperCase()];
    await audit.processed(
      await audit.publish(
        HOSTILE,
        keys.map((key) => record(victim.id, {}, { key })),
      ),
    );
    await audit.arrive(victim);
    expect((await audit.walk(victim.id)).map(({ id }) => id)).toEqual([...victim.expected.keys()]);
    expect(await parked(other)).toEqual([{ topic: OWN, code: 'event.bad-data' }]);
  });
});

describe('a record that will never be readable', () => {
  const discard = async (places: string[], why = 'a bug of that API') =>
    audit.projection.discardParked(parsePlaces(places), activityHandlers, (tx, record) =>
      append(tx, [describeDiscard(record, { at: new Date().toISOString(), by: 'root', why })]),
    );

  it('is let go for good, once, and the log says which, by whom and why', async () => {
    const customer = new Customer();
    await audit.processed(await audit.publish(HOSTILE, [record(customer.id, {}, { value: 'x' })]));
    const sql = `select topic || '/' || partition || '@' || "offset" as place from parked_record where key = $1`;
    const { rows } = await audit.owner.query<{ place: string }>(sql, [customer.id]);
    const places = rows.map(({ place }) => place);
    expect([await discard(places), await discard(places, 'again')]).toEqual([1, 0]);
    expect(await parked(customer.id)).toEqual([]);
    expect(await audit.walk(customer.id)).toMatchObject([
      {
        event_type: 'record.discard',
        description: `A record of ${OWN} that could not be read was let go for good by root: a bug of that API`,
        metadata: { record: places[0], parked_code: 'event.bad-json', by: 'root', reason: 'a bug of that API' },
      },
    ]);
  });

  it('is not let go while others wait behind it', async () => {
    expect(await discard(['identity.events.v1/0@1'])).toBe(0);
  });

  it.each(['somewhere/0@1', 'api.calls.token.v1/0', 'api.calls.token.v1'])('is not let go at %s', async (place) => {
    await expect(discard([place])).rejects.toThrow(/is no topic|is no place/);
  });
});

describe('a call whose clock was wrong', () => {
  it('stays parked, and is written with the time of its record where an operator says so, once, with what it claims', async () => {
    const customer = new Customer();
    const claimed = inDays(1 / 24);
    const [call, unreadable] = [record(customer.id, { at: claimed }), record(customer.id, {}, { value: 'x' })];
    const several = record(customer.id, { count: 2, lastAt: claimed });
    await audit.processed(await audit.publish(HOSTILE, [call, call, several, unreadable]));
    await audit.projection.replayParked(activityHandlers);
    expect(await audit.walk(customer.id)).toEqual([]);
    const sql = `select recorded_at as at from parked_record where key = $1 order by "offset"`;
    const { rows } = await audit.owner.query<{ at: Date }>(sql, [customer.id]);
    expect(rows).toHaveLength(4);

    await audit.projection.replayParked(activityHandlersByRecordTime());
    const [first, , third] = rows.map(({ at }) => at.toISOString());
    const entries = await audit.walk(customer.id);
    expect(entries).toHaveLength(2);
    const of = (isSeveral: boolean) => entries.find(({ metadata }) => 'count' in metadata === isSeveral);
    expect(of(false)).toMatchObject({ occurred_at: first, metadata: { claimed_at: claimed } });
    const range = { first_at: third, last_at: third, claimed_last_at: claimed };
    expect(of(true)).toMatchObject({ occurred_at: third, metadata: range });
    expect(await parked(customer.id)).toEqual([{ topic: OWN, code: 'event.bad-json' }]);
  });
});

it('the log reads the calls of an API that is registered while it runs, under the name of that API', async () => {
  const name = `api-${uuid().slice(-12)}`;
  await registerApi(testKafka().client(), name);
  const customer = new Customer();
  const { records } = new Customer();
  records.push(record(customer.id, { service: 'token' }, { topic: callsTopic(name) }));
  await audit.publish('nobody', records);
  const [entry] = await until(
    async () => {
      const found = await audit.walk(customer.id);
      return found.length > 0 && found;
    },
    'the call to be in the log',
    30_000,
  );
  expect(entry?.metadata.service).toBe(name);
});

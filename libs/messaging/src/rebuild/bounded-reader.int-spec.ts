import { decodeEvent, encodeEvent, type CloudEvent } from '@rebelcore/contracts/cloud-event';
import { testDatabase, type TestDatabase } from '@rebelcore/testing/test-database';
import { testKafka, type TestKafka } from '@rebelcore/testing/test-kafka';
import { until } from '@rebelcore/testing/until';
import type { Pool } from 'pg';
import { BoundedReader } from './bounded-reader.js';
import { KafkaPublisher } from '../publish/kafka-publisher.js';
import { Projection, type ProjectionHandlers } from '../project/projection.js';
import { consumerTables } from '../schema.js';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const PARTITIONS = 3;

describe('BoundedReader', () => {
  let database: TestDatabase;
  let pool: Pool;
  let kafka: TestKafka;
  let publisher: KafkaPublisher;
  let topic: string;
  let reader: BoundedReader;
  let projection: Projection;
  /** Where the handlers write. */
  let table: string;
  /** Partitions of which a batch was given to the projection. */
  let received: Set<number>;

  beforeAll(async () => {
    database = await testDatabase({ role: 'token' });
    await database.asOwner(
      `${consumerTables('token')}
       create table log (n bigint generated always as identity, "offset" bigint not null);
       grant select, insert on log to token;`,
    );
    pool = database.pool({ max: 8 });
    kafka = testKafka();
    publisher = new KafkaPublisher(kafka.client());
  });
  afterAll(async () => {
    await publisher.close();
    await kafka.close();
    await database.drop();
  });
  beforeEach(async () => {
    await database.asOwner('truncate log, consumer_offset, applied_sequence, parked_record');
    topic = await kafka.topic(PARTITIONS);
    table = 'log';
    projection = new Projection({ pool, view: 'log-v1', logger: silent });
    const apply = projection.apply.bind(projection);
    received = new Set();
    projection.apply = (batch, handlers) => {
      received.add(batch.partition);
      return apply(batch, handlers);
    };
    reader = new BoundedReader({
      kafka: kafka.client(),
      handlers: { [topic]: handlers },
      groupPrefix: kafka.group(),
      projection,
    });
    await reader.start();
  });
  afterEach(() => reader.stop());

  const handlers: ProjectionHandlers<CloudEvent> = {
    read: decodeEvent,
    apply: async (tx, events) => {
      const offsets = events.map(({ message }) => message.offset);
      await tx.query(`insert into ${table} ("offset") select unnest($1::bigint[])`, [offsets]);
    },
  };
  const publish = async (count: number) => {
    const records = Array.from({ length: count }, (_, index) => {
      const event = { id: String(index), source: '/test', type: 'Added', time: new Date().toISOString(), subject: 's' };
      return { topic, ...encodeEvent({ ...event, sequence: 1, correlationId: 'c', data: {} }, `key ${String(index)}`) };
    });
    await publisher.publish(records);
  };
  const upTo = (...offsets: bigint[]) => offsets.map((offset, partition) => ({ topic, partition, offset }));
  const offsetsRead = async () => {
    const { rows } = await pool.query<{ partition: number; next_offset: string }>(
      `select partition, next_offset from consumer_offset where view = 'log-v1' order by partition`,
    );
    return rows.map(({ next_offset }) => Number(next_offset));
  };
  const logged = async () => {
    const { rows } = await pool.query<{ offset: string }>('select "offset" from log order by n');
    return rows.map(({ offset }) => Number(offset));
  };

  it('applies what lies before the offsets it is told, and nothing behind them, each time further', async () => {
    await publish(300);
    await reader.readTo(upTo(5n, 0n, 9n));
    expect(await offsetsRead()).toEqual([5, 9]);
    expect((await logged()).sort((a, b) => a - b)).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8]);

    await reader.readTo(upTo(6n, 2n, 9n));
    expect(await offsetsRead()).toEqual([6, 2, 9]);
    expect((await logged()).slice(14).sort((a, b) => a - b)).toEqual([0, 1, 5]);
    received.clear();
    await reader.readTo(upTo(6n, 2n, 9n));
    expect(received.size).toBe(0);
  });

  it('says so when a batch could not be written, and applies nothing more, of whichever partition', async () => {
    await publish(30);
    table = 'nowhere';
    await expect(reader.readTo(upTo(1n))).rejects.toThrow('nowhere');
    table = 'log';
    await expect(reader.readTo(upTo(2n, 2n, 2n))).rejects.toThrow('nowhere');
    await until(() => received.has(1) && received.has(2), 'the other partitions to be read');
    await reader.stop();
    expect(await logged()).toEqual([]);
  });

  it('leaves nobody waiting when it is stopped', async () => {
    const reading = reader.readTo(upTo(1n));
    await Promise.all([expect(reading).rejects.toThrow('stopped'), reader.stop()]);
  });
});

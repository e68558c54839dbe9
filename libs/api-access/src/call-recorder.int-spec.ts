import { callEvents, type Call } from '@rebelcore/contracts/call-events';
import { callsTopic } from '@rebelcore/contracts/topics';
import { KafkaPublisher } from '@rebelcore/messaging/publish/kafka-publisher';
import type { OutgoingRecord, PublishedOffsets, Publisher } from '@rebelcore/messaging/publish/publisher';
import type { TcpProxy } from '@rebelcore/testing/tcp-proxy';
import { testKafka, type TestKafka } from '@rebelcore/testing/test-kafka';
import { readTopic } from '@rebelcore/testing/topic-reader';
import { until } from '@rebelcore/testing/until';
import { jest } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CallRecorder, RecordingFailed } from './call-recorder.js';
import { CallSpool } from './call-spool.js';

const OWN = callsTopic('test');

let kafka: TestKafka;
let topic: string;
let directory: string;
let proxy: TcpProxy;
let publisher: Publisher;
let counted: { produces: number; records: number };
let recorder: CallRecorder;

/** A real publisher that writes to this test's own topic and counts what it was asked for. */
class OwnTopic implements Publisher {
  constructor(private readonly real: Publisher) {}
  publish(records: readonly OutgoingRecord[], options?: { timeoutMs?: number }): Promise<PublishedOffsets> {
    counted.produces += 1;
    counted.records += records.length;
    return this.real.publish(
      records.map((record) => ({ ...record, topic })),
      options,
    );
  }
  close(): Promise<void> {
    return this.real.close();
  }
}

const recorderOn = async (maxBytes = 10_000_000) =>
  new CallRecorder({ service: 'test', publisher, spool: await CallSpool.open(directory, maxBytes), retryEveryMs: 50 });

beforeEach(async () => {
  kafka = testKafka();
  topic = await kafka.topic(3);
  directory = await mkdtemp(join(tmpdir(), 'recorder-'));
  counted = { produces: 0, records: 0 };
  const link = await kafka.clientThroughProxy();
  proxy = link.proxy;
  publisher = new OwnTopic(new KafkaPublisher(link.kafka));
  recorder = await recorderOn();
});
afterEach(async () => {
  proxy.thaw();
  await recorder.close();
  await publisher.close();
  await kafka.close();
  await rm(directory, { recursive: true, force: true });
});

const customers = [randomUUID(), randomUUID()];
let counter = 0;
const call = (): Call => {
  counter += 1;
  return {
    id: randomUUID(),
    at: new Date().toISOString(),
    service: 'test',
    route: 'POST /call',
    status: 200,
    outcome: 'success',
    durationMs: 1,
    ip: '127.0.0.1',
    userAgent: 'test',
    correlationId: `call-${counter}`,
  };
};
const record = (made: Call, customer = customers[0] ?? '') => recorder.record(customer, made);

/** What is on the topic: calls in order, per customer, with duplicates dropped by their id. */
async function recorded(customer = customers[0]): Promise<string[]> {
  const records = (await readTopic(kafka.client(), topic)).filter(({ key }) => key === customer);
  return [...new Set(records.flatMap((each) => callEvents.read(each).data.calls.map(({ id }) => id)))];
}

describe('the call recorder', () => {
  it('writes what waits with one produce, one record per customer, in order and with gap-free sequences', async () => {
    await record(call());
    counted = { produces: 0, records: 0 };
    const calls = Array.from({ length: 200 }, call);
    await Promise.all(calls.map((each, index) => record(each, customers[index % 2])));
    expect(counted).toEqual({ produces: 1, records: 2 });
    expect((await recorded(customers[1])).length).toBe(100);
    expect((await recorded(customers[0])).slice(1)).toEqual(calls.filter((_, n) => n % 2 === 0).map(({ id }) => id));
    const own = (await readTopic(kafka.client(), topic)).filter(({ key }) => key === customers[0]);
    expect(own.map((each) => callEvents.read(each).sequence)).toEqual([1, 2]);
  });

  it('invariant 6: with Kafka away calls are durable in the spool, and are drained in order once it is back', async () => {
    const before = call();
    await record(before);
    proxy.freeze();
    const during = Array.from({ length: 50 }, call);
    const { produces } = counted;
    for (const each of during) await record(each);
    // The first waits for Kafka; of the others only the attempt to drain the spool does.
    expect(counted.produces - produces).toBeLessThan(during.length / 2);
    expect(recorder.status()).toMatchObject({ kafkaAway: true });
    expect(recorder.status().spooledBytes).toBeGreaterThan(0);
    proxy.thaw();
    await until(() => recorder.status().spooledBytes === 0, 'the spool to be drained');
    const after = call();
    await record(after);
    expect(await recorded()).toEqual([before, ...during, after].map(({ id }) => id));
    expect(recorder.status()).toMatchObject({ kafkaAway: false, spooledBytes: 0 });
  });

  it('loses and reorders nothing when answers of the broker are lost', async () => {
    await record(call());
    proxy.swallowAnswers();
    const calls = Array.from({ length: 20 }, call);
    for (const each of calls) await record(each);
    proxy.thaw();
    proxy.cut();
    await until(() => recorder.status().spooledBytes === 0, 'the spool to be drained');
    expect((await recorded()).slice(1)).toEqual(calls.map(({ id }) => id));
  });

  it('drains more than a broker takes in one request, and lets no newer call overtake meanwhile', async () => {
    proxy.freeze();
    const calls = Array.from({ length: 3_000 }, () => ({ ...call(), userAgent: 'x'.repeat(256) }));
    for (let from = 0; from < calls.length; from += 300) {
      await Promise.all(calls.slice(from, from + 300).map((each) => record(each)));
    }
    expect(recorder.status().spooledBytes).toBeGreaterThan(1_048_576);
    proxy.thaw();
    while (recorder.status().spooledBytes > 0) {
      const newer = { ...call(), userAgent: 'x'.repeat(256) };
      calls.push(newer);
      await record(newer);
    }
    expect(await recorded()).toEqual(calls.map(({ id }) => id));
  });

  it('keeps what a killed process had spooled for the next one', async () => {
    proxy.freeze();
    const calls = Array.from({ length: 5 }, call);
    for (const each of calls) await record(each);
    await recorder.close();
    recorder = await recorderOn();
    proxy.thaw();
    await until(async () => (await recorded()).length === 5, 'the spooled calls to arrive');
    expect(await recorded()).toEqual(calls.map(({ id }) => id));
  });

  it('invariant 6: a full spool refuses instead of letting an unrecorded answer out', async () => {
    await recorder.close();
    recorder = await recorderOn(1_500);
    proxy.freeze();
    await record(call());
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => record(call())));
    expect(results.every(({ status }) => status === 'rejected')).toBe(true);
    expect((results[0] as PromiseRejectedResult).reason).toBeInstanceOf(RecordingFailed);
    proxy.thaw();
    await until(() => recorder.status().spooledBytes === 0, 'the spool to be drained');
    await record(call());
    expect(await recorded()).toHaveLength(2);
  });

  it('sets aside what the broker will never take, names it, and goes on with the rest', async () => {
    await recorder.close();
    const spool = await CallSpool.open(directory, 10_000_000);
    const aside = Promise.withResolvers<string>();
    const tooLarge = { topic: OWN, key: customers[0] ?? '', headers: {}, value: 'x'.repeat(2_000_000) };
    await spool.append([tooLarge]);
    recorder = new CallRecorder({ service: 'test', publisher, spool, retryEveryMs: 50, onSetAside: aside.resolve });
    const after = call();
    await record(after);
    expect(await readFile(await aside.promise, 'utf8')).toContain('xxx');
    await until(() => recorder.status().spooledBytes === 0, 'the spool to be drained');
    expect(recorder.status()).toMatchObject({ kafkaAway: false, setAsideFiles: 1 });
    expect(await recorded()).toEqual([after.id]);
  });

  it('delivers what is left of a segment once, and none of another service’s calls as its own', async () => {
    await recorder.close();
    const spool = await CallSpool.open(directory, 10_000_000);
    const foreign = { topic: 'api.calls.other.v1', key: customers[0] ?? '', headers: {}, value: 'of another' };
    const published: (readonly OutgoingRecord[])[] = [];
    const shelf: Publisher = {
      publish: (records) => Promise.resolve(published.push(records)).then(() => new Map()),
      close: () => Promise.resolve(),
    };
    await spool.append([foreign, { ...foreign, topic: OWN, value: 'own' }]);
    const dropOldest = jest.spyOn(spool, 'dropOldest').mockRejectedValueOnce(new Error('ENOSPC'));
    const aside = Promise.withResolvers<string>();
    recorder = new CallRecorder({
      service: 'test',
      publisher: shelf,
      spool,
      retryEveryMs: 1,
      onSetAside: aside.resolve,
    });
    expect(await readFile(await aside.promise, 'utf8')).toContain('of another');
    expect(published.map((records) => records.map(({ value }) => value))).toEqual([['own']]);
    expect(dropOldest).toHaveBeenCalledTimes(2);
  });

  it('a call that waits longer than the deadline is refused, not left hanging', async () => {
    const stuck: Publisher = { publish: () => new Promise(() => undefined), close: () => Promise.resolve() };
    const spool = await CallSpool.open(directory, 1_000);
    const impatient = new CallRecorder({ service: 'test', publisher: stuck, spool, deadlineMs: 200 });
    await expect(impatient.record(customers[0] ?? '', call())).rejects.toThrow('within 200 ms');
  });
});

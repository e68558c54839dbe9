import { Body, Controller, Get, HttpException, Module, Post, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { callEvents, UNATTRIBUTED, type Call } from '@rebelcore/contracts/call-events';
import type { OutgoingRecord, PublishedOffsets, Publisher } from '@rebelcore/messaging/publish/publisher';
import type { FastifyRequest, InjectOptions } from 'fastify';
import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CallRecorder, RecordingFailed } from './call-recorder.js';
import { CallSpool } from './call-spool.js';
import { describeCall, recordCalls } from './record-calls.plugin.js';

const CUSTOMER = randomUUID();
const API_USER = randomUUID();

@Controller('api')
class SampleController {
  @Post('things/:id')
  thing(@Req() request: FastifyRequest, @Body() body: { fail?: number; apiUserId?: string }): string {
    describeCall(request, { customerId: CUSTOMER, apiUserId: body.apiUserId ?? API_USER });
    if (body.fail !== undefined) {
      describeCall(request, { reason: 'thing.failed' });
      throw new HttpException('no', body.fail);
    }
    return 'the answer';
  }
  @Get('patient')
  async patient(@Req() request: FastifyRequest): Promise<string> {
    caller.emit('waits');
    await once(request.raw.socket, 'close');
    return 'to nobody';
  }
  @Get('health')
  health(): string {
    return 'ok';
  }
}

const sampleCall: Call = {
  id: randomUUID(),
  at: new Date().toISOString(),
  service: 'sample',
  route: 'POST /call',
  status: 200,
  outcome: 'success',
  durationMs: 1,
  ip: '127.0.0.1',
  userAgent: 'test',
  correlationId: 'api:1',
};

/** Tells tests how far a request has come. */
const caller = new EventEmitter();

/** Keeps what is published; acknowledges only when told so. */
class Shelf implements Publisher {
  readonly records: OutgoingRecord[] = [];
  mode: 'acknowledge' | 'refuse' = 'acknowledge';
  gate: Promise<void> | undefined;
  onPublish: () => void = () => undefined;
  async publish(records: readonly OutgoingRecord[]): Promise<PublishedOffsets> {
    await this.gate;
    if (this.mode === 'refuse') throw new Error('Kafka is away');
    this.records.push(...records);
    this.onPublish();
    return new Map();
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
  get calls(): (Call & { customerId: string })[] {
    const events = this.records.map((record) => callEvents.read(record));
    return events.flatMap(({ data }) => data.calls.map((call) => ({ ...call, customerId: data.customerId })));
  }
}

let directory: string;
let shelf: Shelf;
let recorder: CallRecorder;
let states: unknown[];
let app: NestFastifyApplication;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'record-calls-'));
  shelf = new Shelf();
  states = [];
  recorder = new CallRecorder({
    service: 'sample',
    publisher: shelf,
    // Room for nothing: without Kafka no call can be recorded.
    spool: await CallSpool.open(directory, 1),
    onStateChange: (kafkaAway, cause) => states.push({ kafkaAway, cause }),
  });
  @Module({ controllers: [SampleController] })
  class TestModule {}
  const adapter = new FastifyAdapter({ bodyLimit: 1_000, genReqId: () => `api:${randomUUID()}` });
  app = await NestFactory.create<NestFastifyApplication>(TestModule, adapter, { logger: false });
  recordCalls(adapter.getInstance(), {
    service: 'sample',
    recorder,
    when: (request) => /^\/(?:api|oauth2)\//.test(request.url) && request.routeOptions.url !== '/api/health',
  });
  await app.init();
  await adapter.getInstance().ready();
});
afterEach(async () => {
  await app.close();
  await recorder.close();
  await rm(directory, { recursive: true });
});

const send = (options: InjectOptions = {}) =>
  app.inject({
    method: 'POST',
    url: '/api/things/7?secret=1',
    payload: {},
    headers: { 'user-agent': 'curl/8' },
    ...options,
  });

describe('recording calls', () => {
  it('says who called what, with which outcome, and nothing of what was said', async () => {
    expect((await send()).body).toBe('the answer');
    const [call] = shelf.calls;
    expect(call).toMatchObject({
      service: 'sample',
      route: 'POST /api/things/:id',
      status: 201,
      outcome: 'success',
      ip: '127.0.0.1',
      userAgent: 'curl/8',
      customerId: CUSTOMER,
      apiUserId: API_USER,
    });
    expect(call?.correlationId).toMatch(/^api:/);
    expect(JSON.stringify(shelf.records)).not.toMatch(/secret|the answer/);
  });

  it.each<[string, InjectOptions, Partial<Call> & { customerId: string }]>([
    [
      'a refusal',
      { payload: { fail: 403 } },
      { status: 403, outcome: 'refused', reason: 'thing.failed', customerId: CUSTOMER },
    ],
    [
      'a failure',
      { payload: { fail: 500 } },
      { status: 500, outcome: 'failed', reason: 'thing.failed', customerId: CUSTOMER },
    ],
    [
      'a body that is no JSON',
      { payload: '{', headers: { 'content-type': 'application/json' } },
      { status: 400, outcome: 'refused', customerId: UNATTRIBUTED },
    ],
    [
      'a body that is too large',
      { payload: { x: 'x'.repeat(2_000) } },
      { status: 413, outcome: 'refused', customerId: UNATTRIBUTED },
    ],
    [
      'a body of another type',
      { payload: '<x/>', headers: { 'content-type': 'text/xml' } },
      { status: 415, outcome: 'refused', customerId: UNATTRIBUTED },
    ],
    [
      'an unknown address',
      { url: '/api/else/where' },
      { status: 404, route: 'POST unknown address', customerId: UNATTRIBUTED },
    ],
  ])('records %s', async (_, options, expected) => {
    expect((await send(options)).statusCode).toBe(expected.status);
    expect(shelf.calls).toHaveLength(1);
    expect(shelf.calls[0]).toMatchObject(expected);
  });

  it('leaves out what is not asked for', async () => {
    expect((await send({ method: 'GET', url: '/api/health' })).statusCode).toBe(200);
    expect(shelf.calls).toEqual([]);
  });

  it('records a caller that has hung up, so that every reader can read it', async () => {
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    const [waits, recorded] = [once(caller, 'waits'), once(caller, 'recorded')];
    shelf.onPublish = () => caller.emit('recorded');
    const socket = connect(port, '127.0.0.1', () => {
      socket.write('GET /api/patient HTTP/1.1\r\nhost: sample\r\n\r\n');
    });
    await waits;
    socket.resetAndDestroy();
    await recorded;
    expect(shelf.calls).toMatchObject([{ route: 'GET /api/patient', ip: '127.0.0.1' }]);
  });

  it('leaves out what no reader would take, of which one member would cost the whole record', async () => {
    await Promise.all([send({ payload: { apiUserId: '00000000-0000-0000-0000-000000000001' } }), send()]);
    expect(shelf.calls.map(({ apiUserId }) => apiUserId)).toEqual([undefined, API_USER]);
  });

  it('leaves out when the last of several came, where a clock that was set back says: before the first', async () => {
    const [at, lastAt] = ['2026-11-27T12:00:00.001Z', '2026-11-27T12:00:00.000Z'];
    await recorder.record(CUSTOMER, () => ({ ...sampleCall, at, count: 2, lastAt }));
    expect(shelf.calls).toEqual([{ ...sampleCall, at, count: 2, customerId: CUSTOMER }]);
  });

  it('fails a call alone of which a reader could not do without what is wrong', async () => {
    const refused = recorder.record(CUSTOMER, { ...sampleCall, status: 99 });
    await Promise.all([expect(refused).rejects.toThrow(RecordingFailed), recorder.record(CUSTOMER, sampleCall)]);
    expect(shelf.calls.map(({ status }) => status)).toEqual([200]);
  });

  it('cuts a long user agent', async () => {
    await send({ headers: { 'user-agent': 'x'.repeat(5_000) } });
    expect(shelf.calls[0]?.userAgent).toBe('x'.repeat(256));
  });

  it('invariant 6: sends no answer before its record is acknowledged', async () => {
    let open = (): void => undefined;
    shelf.gate = new Promise((resolve) => (open = resolve));
    let answered = false;
    const answer = send().then((response) => {
      answered = true;
      return response.statusCode;
    });
    // Long after the controller is done: the next request has been through all of it.
    await send({ method: 'GET', url: '/api/health' });
    expect(answered).toBe(false);
    open();
    expect(await answer).toBe(201);
  });

  it('tells OAuth clients so in the shape that they read', async () => {
    shelf.mode = 'refuse';
    const answer = await send({ url: '/oauth2/token' });
    expect([answer.statusCode, answer.headers['retry-after'], answer.headers['content-type']]).toEqual([
      503,
      '2',
      'application/json',
    ]);
    expect(answer.json()).toMatchObject({ error: 'temporarily_unavailable' });
  });

  it('invariant 6: answers 503 with Retry-After, and nothing of the answer, when the call cannot be recorded', async () => {
    shelf.mode = 'refuse';
    const response = await send();
    expect([response.statusCode, response.headers['retry-after'], response.headers['content-type']]).toEqual([
      503,
      '2',
      'application/problem+json',
    ]);
    expect(response.json()).toMatchObject({
      status: 503,
      code: 'call.not-recorded',
      detail: expect.any(String) as string,
    });
    expect(response.body).not.toContain('the answer');
    expect(shelf.calls).toEqual([]);
    shelf.mode = 'acknowledge';
    expect((await send()).statusCode).toBe(201);
  });

  it('tells why Kafka is away', async () => {
    shelf.mode = 'refuse';
    await send();
    expect(states[0]).toEqual({ kafkaAway: true, cause: new Error('Kafka is away') });
  });

  it('never uses the numbers of a record again whose fate is unknown, and never leaves one out', async () => {
    await send();
    shelf.mode = 'refuse';
    await send();
    shelf.mode = 'acknowledge';
    await send();
    await send();
    const events = shelf.records.map((record) => callEvents.read(record));
    expect(events.map(({ sequence }) => sequence)).toEqual([1, 1, 2]);
    expect(events[1]?.source).not.toBe(events[0]?.source);
    expect(events[2]?.source).toBe(events[1]?.source);
  });
});

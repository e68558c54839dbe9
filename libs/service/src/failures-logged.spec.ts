import { Controller, Get, Module, UseGuards } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { API_USER_TOKENS, ApiUserGuard } from '@rebelcore/api-access/api-user.guard';
import { CallRecorder } from '@rebelcore/api-access/call-recorder';
import { CallSpool } from '@rebelcore/api-access/call-spool';
import type { Publisher } from '@rebelcore/messaging/publish/publisher';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createService } from './bootstrap.js';
import { proxyList } from './client-address.js';
import { HEALTH_CHECKS } from './health.js';
import { logModule } from './log.js';
import { ProblemException } from './problem.js';

const lines: string[] = [];

/** By the address for it. */
let thrown: unknown;

@Controller()
class SampleController {
  @Get('thrown')
  fails(): never {
    throw thrown;
  }
  @Get('guarded')
  @UseGuards(ApiUserGuard)
  guarded(): string {
    return 'the answer';
  }
  @Get('recorded')
  recorded(): string {
    return 'the answer';
  }
}

const nowhere: Publisher = {
  publish: () => Promise.reject(new Error('Kafka is away')),
  close: () => Promise.resolve(),
};

let folder: string;
let app: NestFastifyApplication;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'failures-logged-'));
  const spool = await CallSpool.open(join(folder, 'spool'), 1_000_000);
  // For root too, no file can be made below one.
  await rm(join(folder, 'spool'), { recursive: true });
  await writeFile(join(folder, 'spool'), '');
  @Module({
    imports: [logModule('sample', 'warn', { write: (line) => lines.push(line) })],
    controllers: [SampleController],
    providers: [
      ApiUserGuard,
      // Nobody listens there.
      { provide: API_USER_TOKENS, useValue: { jwksUri: 'http://127.0.0.1:1/jwks', issuer: 'us', audience: 'them' } },
      { provide: CallRecorder, useValue: new CallRecorder({ service: 'sample', publisher: nowhere, spool }) },
      { provide: HEALTH_CHECKS, useValue: [] },
    ],
  })
  class SampleModule {}
  app = await createService({
    name: 'sample',
    module: SampleModule,
    config: { HOST: '127.0.0.1', PORT: 0, TRUSTED_PROXIES: proxyList.parse('') },
    recordCalls: ({ url }) => url === '/recorded',
  });
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
});
beforeEach(() => {
  lines.length = 0;
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await app.get(CallRecorder).close();
  await app.close();
});

/** What is answered at this address, and what is logged of it under the correlation id of the answer. */
async function ask(url: string, headers: Record<string, string> = {}) {
  const { statusCode: status, headers: answered, body } = await app.inject({ method: 'GET', url, headers });
  const entries = lines.map((line) => JSON.parse(line) as { correlationId?: string; err?: unknown });
  const own = entries.filter(({ correlationId }) => correlationId === answered['x-correlation-id']);
  return { status, body, logged: own.map(({ err }) => err) };
}

describe('the log says why a request was not served', () => {
  it.each([
    ['timeout exceeded when trying to connect', 503],
    ['Query read timeout', 503],
    ['something unheard of', 500],
  ])('because of "%s"', async (message, status) => {
    thrown = new Error(message);
    expect(await ask('/thrown')).toMatchObject({ status, logged: [{ type: 'Error', message }] });
  });

  it('by the cause of a problem that is answered on purpose', async () => {
    thrown = new ProblemException(503, 'thing.away', 'Please wait.', { cause: new RangeError('too far') });
    const answer = await ask('/thrown');
    expect(answer).toMatchObject({ status: 503, logged: [{ type: 'RangeError', message: 'too far' }] });
    expect(answer.body).not.toContain('too far');
  });

  it.each([
    [undefined, 'not an error object'],
    [null, 'not an error object'],
    ['a text', 'a text'],
  ])('also where %j was thrown', async (value, message) => {
    thrown = value;
    expect(await ask('/thrown')).toMatchObject({ status: 500, logged: [{ message }] });
  });

  it('and nothing of what the caller did wrong', async () => {
    thrown = new ProblemException(400, 'thing.wrong', 'It is wrong.', { cause: new Error('a detail') });
    expect(await ask('/thrown')).toMatchObject({ status: 400, logged: [] });
  });

  it('because the keys of the issuer cannot be fetched', async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const token = `${part({ alg: 'ES256', typ: 'at+jwt', kid: 'k' })}.${part({})}.AAAA`;
    expect(await ask('/guarded', { authorization: `Bearer ${token}` })).toMatchObject({
      status: 503,
      logged: [{ type: 'KeysUnavailable', cause: { code: 'ECONNREFUSED' } }],
    });
  });

  it('because calls cannot be recorded, once a second', async () => {
    const answers = [await ask('/recorded'), await ask('/recorded')];
    expect(answers).toMatchObject([
      {
        status: 503,
        logged: [{ type: 'RecordingFailed', cause: { type: 'SpoolFull', cause: { code: 'ENOTDIR' } } }],
      },
      { status: 503, logged: [] },
    ]);
  });
});

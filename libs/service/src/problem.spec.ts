import {
  Body,
  Controller,
  Delete,
  Get,
  Header,
  HttpCode,
  HttpException,
  Module,
  Param,
  Post,
  Query,
} from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ConnectionLost } from '@rebelcore/messaging/transaction';
import { z } from 'zod';
import { createService } from './bootstrap.js';
import { proxyList } from './client-address.js';
import { HEALTH_CHECKS, HealthController } from './health.js';
import { logModule } from './log.js';
import { ProblemException, readValid } from './problem.js';

const item = z.strictObject({ name: z.string().min(2, 'must have at least 2 characters'), size: z.int().optional() });

const search = z.strictObject({ q: z.string().optional(), size: z.string().default('none') });

/** By the address for it. */
let thrown: Error;

@Controller()
class ItemController {
  @Post('lists')
  list(@Body({ schema: z.array(z.unknown()) }) body: unknown): unknown {
    return body;
  }
  @Post('names')
  names(@Body({ schema: z.array(z.string()) }) body: unknown): unknown {
    return body;
  }
  @Get('items')
  search(@Query({ schema: search }) query: z.infer<typeof search>): unknown {
    return query;
  }
  @Get('items/:id')
  one(@Param('id', { schema: z.uuid('must be a UUID') }) id: string): unknown {
    return { id };
  }
  @Post('items')
  create(@Body({ schema: item }) body: z.infer<typeof item>): unknown {
    return body;
  }
  @Post('switch')
  @HttpCode(204)
  on(): void {}
  @Delete('switch')
  @HttpCode(204)
  off(): void {}
  @Get('kept')
  @Header('cache-control', 'public, max-age=300')
  kept(): string {
    return 'kept';
  }
  @Get('broken')
  broken(): never {
    throw new Error('password=hunter2');
  }
  @Get('away')
  away(): never {
    throw thrown;
  }
  @Get('busy')
  busy(): never {
    throw new ProblemException(503, 'view.stale', 'Please wait.', { retryAfter: 5 });
  }
  @Get('published')
  published(): never {
    throw new HttpException({ detail: 'token expired' }, 401);
  }
}

const health = { ready: true };

@Module({
  imports: [logModule('test', 'fatal')],
  controllers: [ItemController, HealthController],
  providers: [{ provide: HEALTH_CHECKS, useValue: [{ name: 'one', check: () => health }] }],
})
class TestModule {}

let app: NestFastifyApplication;
beforeAll(async () => {
  app = await createService({
    name: 'test',
    module: TestModule,
    config: { HOST: '127.0.0.1', PORT: 0, TRUSTED_PROXIES: proxyList.parse('') },
    bodyLimit: 200,
    description: 'A service for tests.',
  });
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
});
afterAll(() => app.close());

const post = (payload: unknown, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
  app.inject({ method: 'POST', url: '/items', payload: payload as string, headers });
const get = (url: string, headers: Record<string, string> = {}) => app.inject({ method: 'GET', url, headers });

describe('every error of a service', () => {
  it.each([
    [{}, 400, 'name: is required'],
    [{ name: 7 }, 400, 'name: must be a string'],
    [{ name: 'x' }, 400, 'name: must have at least 2 characters'],
    [{ name: 'xy', size: 1.5 }, 400, 'size: must be an int'],
    [{ name: 'xy', admin: true }, 400, 'admin: is not a known field'],
    [[], 400, 'body: must be an object'],
    ['', 400, 'body: is required'],
    ['{"name":', 400, 'body: is not valid JSON'],
    [{ name: 'x'.repeat(300) }, 413, 'body: is larger than this address accepts'],
  ])('for body %j is a problem that names field and rule', async (body, status, detail) => {
    const response = await post(body);
    expect(response.headers['content-type']).toMatch('application/problem+json');
    expect([response.statusCode, response.json<{ detail: string }>().detail]).toEqual([status, detail]);
  });

  it('for a body in another encoding says so: what could not be read would be one and the same text', async () => {
    const response = await post(Buffer.from('{"name":"Jürgen"}', 'latin1'));
    expect([response.statusCode, response.json()]).toEqual([
      400,
      expect.objectContaining({ code: 'request.invalid', detail: 'body: must be UTF-8' }),
    ]);
    expect((await post(Buffer.from('{"name":"Jürgen"}'))).json()).toEqual({ name: 'Jürgen' });
  });

  // S09
  it.each([
    [{ name: 'a\0b' }, 'name'],
    ['{"name":"a\\ud800b"}', 'name'],
    ['{"name":"a\\udc00"}', 'name'],
    [{ name: 'ab', size: { of: ['it', 'a\0b'] } }, 'size.of.1'],
  ])('names the text of %j that no store takes', async (body, field) => {
    const response = await post(body);
    const rule = 'must not contain NUL or half a surrogate pair';
    expect([response.statusCode, response.json<{ errors: unknown }>().errors]).toEqual([400, [{ field, rule }]]);
  });

  it('is as soon there for a body as deep as its size allows', async () => {
    const payload = `${'['.repeat(90)}"\\u0000"${']'.repeat(90)}`;
    const headers = { 'content-type': 'application/json' };
    const response = await app.inject({ method: 'POST', url: '/lists', payload, headers });
    expect(response.json<{ errors: { field: string }[] }>().errors[0]?.field).toBe(Array(90).fill('0').join('.'));
  });

  it.each([
    ['texts that no store takes', '"\\u0000"', 'must not contain NUL or half a surrogate pair'],
    ['numbers', '1', 'must be a string'],
  ])('names the first ten of many %s', async (_, member, rule) => {
    const payload = `[${Array(20).fill(member).join(',')}]`;
    const headers = { 'content-type': 'application/json' };
    const response = await app.inject({ method: 'POST', url: '/names', payload, headers });
    const errors = Array.from({ length: 10 }, (_, at) => ({ field: String(at), rule }));
    expect([response.statusCode, response.json()]).toMatchObject([400, { errors }]);
  });

  it('is short, however often and however deep there are texts that no store takes', () => {
    let body: unknown = 'a';
    for (let depth = 0; depth < 2_000; depth += 1) body = { nested: body, text: 'a\0b' };
    const refused = () => {
      try {
        return readValid(z.unknown(), body);
      } catch (error) {
        return (error as ProblemException).getResponse();
      }
    };
    expect(refused()).toMatchObject({ code: 'request.invalid' });
    expect(JSON.stringify(refused()).length).toBeLessThan(10_000);
  });

  it.each(['%00', 'a'])('cuts the name of a long field: %s', async (value) => {
    const response = await get(`/items?${'k'.repeat(300)}=${value}`);
    expect(response.json<{ errors: { field: string }[] }>().errors[0]?.field).toBe(`${'k'.repeat(199)}…`);
  });

  it.each([
    ['/items?q=a%00b', 'q'],
    ['/items?more=', undefined],
    ['/items?q=&size=', undefined],
    ['/items/x', 'id'],
  ])('of %s names %s; an empty parameter is none', async (url, field) => {
    const response = await get(url);
    const { errors, size } = response.json<{ errors?: { field: string }[]; size?: string }>();
    expect([response.statusCode, errors?.[0]?.field, size]).toEqual(
      field === undefined ? [200, undefined, 'none'] : [400, field, undefined],
    );
  });

  it('lists each field at fault', async () => {
    const response = await post({ size: 'large', more: 1 });
    expect(response.json<{ errors: unknown }>().errors).toEqual([
      { field: 'name', rule: 'is required' },
      { field: 'size', rule: 'must be a number' },
      { field: 'more', rule: 'is not a known field' },
    ]);
  });

  it.each([
    [
      'another media type',
      { 'content-type': 'application/x-www-form-urlencoded' },
      'content-type: must be application/json',
    ],
    ['no media type', {}, 'content-type: must be application/json'],
    ['a type that is none', { 'content-type': ';;;' }, 'content-type: must be application/json'],
    [
      'a coding',
      { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      'content-encoding: must be identity',
    ],
  ])('says so when the body is of %s', async (_, headers, detail) => {
    const response = await post('{"name":"xy"}', headers);
    expect([response.statusCode, response.json<{ detail: string }>().detail]).toEqual([415, detail]);
  });

  it('shows nothing of an unexpected failure but the correlation id', async () => {
    const response = await get('/broken');
    expect(response.statusCode).toBe(500);
    expect(response.body).not.toContain('hunter2');
    expect(response.body).toContain(response.headers['x-correlation-id']);
  });

  const failed = (details: object) => Object.assign(new Error('why it failed'), details);
  const CODES =
    '57P01 25P04 3D000 ECONNREFUSED EAI_AGAIN ENOTFOUND EHOSTUNREACH ENETUNREACH EADDRNOTAVAIL EMFILE'.split(' ');

  it.each<[string, Error]>([
    ...CODES.map((code): [string, Error] => [code, failed({ code })]),
    ['a session that Postgres ended', failed({ code: '55000', severity: 'FATAL' })],
    ['a connection that was lost', new ConnectionLost(failed({}))],
  ])('is a 503 with Retry-After while the database is away: %s', async (_, error) => {
    thrown = error;
    const response = await get('/away');
    expect([response.statusCode, response.headers['retry-after']]).toEqual([503, '2']);
  });

  it('is a 500 for a statement that cannot be carried out', async () => {
    thrown = failed({ code: '55000', severity: 'ERROR' });
    expect((await get('/away')).statusCode).toBe(500);
  });

  it('carries the Retry-After it was thrown with', async () => {
    expect((await get('/busy')).headers['retry-after']).toBe('5');
  });

  it('leaves a published body exactly as it is', async () => {
    const response = await get('/published');
    expect([response.statusCode, response.body]).toEqual([401, '{"detail":"token expired"}']);
  });

  it('for an unknown address is a 404 problem that does not echo the address', async () => {
    const response = await get('/nowhere/<script>');
    expect(response.statusCode).toBe(404);
    expect(response.json<{ detail: string }>().detail).toBe('There is nothing at this address.');
  });
});

describe('a write without a body', () => {
  const TYPES = ['application/json', 'application/x-www-form-urlencoded', 'text/plain', undefined, '', 'json', ';;;'];

  it.each(TYPES)('is taken whatever type it bears: %s', async (type) => {
    const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type };
    for (const method of ['POST', 'DELETE'] as const) {
      for (const payload of [undefined, '']) {
        const response = await app.inject({
          method,
          url: '/switch',
          headers,
          ...(payload !== undefined && { payload }),
        });
        expect([method, payload, response.statusCode]).toEqual([method, payload, 204]);
      }
    }
  });

  it('is a DELETE, whatever comes with it', async () => {
    for (const type of ['application/json', 'json']) {
      const headers = { 'content-type': type, 'content-encoding': 'gzip' };
      for (const payload of ['{', 'x'.repeat(300)]) {
        const response = await app.inject({ method: 'DELETE', url: '/switch', headers, payload });
        expect(response.statusCode).toBe(204);
      }
    }
  });
});

describe('every service', () => {
  it('says of every answer that nobody may keep it, unless the answer says otherwise', async () => {
    for (const url of ['/health/live', '/nowhere', '/broken']) {
      expect([url, (await get(url)).headers['cache-control']]).toEqual([url, 'no-store']);
    }
    expect((await get('/kept')).headers['cache-control']).toBe('public, max-age=300');
  });

  it('answers each request with a correlation id of its own, whatever the caller calls it', async () => {
    const ids = [];
    for (const given of ['order-7', 'order-7', 'api:0198c4a2-7b11-7c3f-9a70-0d7f2f1f3f10']) {
      ids.push((await get('/health/live', { 'x-correlation-id': given })).headers['x-correlation-id']);
    }
    for (const id of ids) expect(id).toMatch(/^api:[0-9a-f]{8}-[0-9a-f-]{27}$/);
    expect(new Set(ids).size).toBe(3);
    expect(ids).not.toContain('api:0198c4a2-7b11-7c3f-9a70-0d7f2f1f3f10');
  });

  it('is ready only while every check is', async () => {
    expect((await get('/health/ready')).statusCode).toBe(200);
    health.ready = false;
    const response = await get('/health/ready');
    health.ready = true;
    expect(response.statusCode).toBe(503);
    expect(response.json()).toEqual({ status: 'unavailable', checks: { one: { ready: false } } });
  });

  it('publishes its OpenAPI document, made from the same schemas that validate', async () => {
    const document = (await get('/openapi.json')).json<{ paths: Record<string, unknown> }>();
    expect(JSON.stringify(document.paths['/items'])).toContain('"name"');
  });
});

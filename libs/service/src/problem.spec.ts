import { Body, Controller, Get, HttpException, Module, Param, Post, Query } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { z } from 'zod';
import { createService } from './bootstrap.js';
import { HEALTH_CHECKS, HealthController } from './health.js';
import { logModule } from './log.js';
import { ProblemException } from './problem.js';

const item = z.strictObject({ name: z.string().min(2, 'must have at least 2 characters'), size: z.int().optional() });

const search = z.strictObject({ q: z.string().optional(), size: z.string().default('none') });

@Controller()
class ItemController {
  @Post('lists')
  list(@Body({ schema: z.array(z.unknown()) }) body: unknown): unknown {
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
  @Get('broken')
  broken(): never {
    throw new Error('password=hunter2');
  }
  @Get('away')
  away(): never {
    throw Object.assign(new Error('terminating connection'), { code: '57P01' });
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
    config: { HOST: '127.0.0.1', PORT: 0, TRUSTED_PROXIES: '127.0.0.1' },
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

  it('says so when the body is of another media type', async () => {
    const response = await post('name=x', { 'content-type': 'application/x-www-form-urlencoded' });
    expect([response.statusCode, response.json<{ detail: string }>().detail]).toEqual([
      415,
      'content-type: must be application/json',
    ]);
  });

  it('shows nothing of an unexpected failure but the correlation id', async () => {
    const response = await get('/broken', { 'x-correlation-id': 'my-1' });
    expect(response.statusCode).toBe(500);
    expect(response.body).not.toContain('hunter2');
    expect(response.body).toContain('my-1');
  });

  it('is a 503 with Retry-After while the database is away', async () => {
    const response = await get('/away');
    expect([response.statusCode, response.headers['retry-after']]).toEqual([503, '2']);
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

describe('every service', () => {
  it('answers with the caller’s correlation id, or with a new one when that is malformed', async () => {
    expect((await get('/health/live', { 'x-correlation-id': 'order-7' })).headers['x-correlation-id']).toBe('order-7');
    expect((await get('/health/live', { 'x-correlation-id': 'a b\u0001' })).headers['x-correlation-id']).toMatch(
      /^api:/,
    );
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

import { Controller, Delete, Get, HttpCode, Module, Post } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { createService } from './bootstrap.js';
import { proxyList } from './client-address.js';
import { HEALTH_CHECKS, HealthController } from './health.js';
import { logModule } from './log.js';

const LARGE = 'x'.repeat(64 * 1024 * 1024);

@Controller()
class SampleController {
  @Post(['small', 'oauth2/token'])
  small(): string {
    return 'read';
  }
  @Delete('small')
  @HttpCode(204)
  remove(): void {}
  @Get('large')
  large(): string {
    return LARGE;
  }
}

@Module({
  imports: [logModule('sample', 'silent')],
  controllers: [SampleController, HealthController],
  providers: [{ provide: HEALTH_CHECKS, useValue: [] }],
})
class SampleModule {}

let app: NestFastifyApplication;
beforeAll(async () => {
  app = await createService({
    name: 'sample',
    module: SampleModule,
    config: { HOST: '127.0.0.1', PORT: 0, TRUSTED_PROXIES: proxyList.parse('') },
    bodyLimit: 1_000,
  });
  await app.listen(0, '127.0.0.1');
});
afterAll(() => app.close());

const open = (): Socket =>
  connect((app.getHttpServer().address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
const POST = 'POST /small HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';

// S15
describe('requests that come in half', () => {
  const KINDS = {
    'half a head': 'POST /small HTTP/1.1\r\nhost:',
    'a head without its body': `${POST}content-length: 9\r\n\r\n`,
    'half a chunk': `${POST}transfer-encoding: chunked\r\n\r\n9\r\n{`,
    'a body that trickles': `${POST}content-length: 900\r\n\r\n`,
  };

  it('are ended in ten seconds, however many, and cost the others nothing', async () => {
    let ended = 0;
    const halves = Object.entries(KINDS).flatMap(([kind, begin]) =>
      Array.from({ length: 250 }, () => {
        const socket = open();
        socket.write(begin);
        const answer = text(socket).finally(() => (ended += 1));
        return { kind, socket, answer };
      }),
    );
    const trickle = setInterval(() => {
      for (const { kind, socket } of halves) if (kind === 'a body that trickles') socket.write(' ');
    }, 500);
    for (const { socket } of halves) if (socket.connecting) await once(socket, 'connect');
    const honest = open();
    honest.write(`${POST}connection: close\r\ncontent-length: 2\r\n\r\n{}`);
    expect(await text(honest)).toMatch(/^HTTP\/1\.1 201 /);
    // Answered while every other one still waits.
    expect(ended).toBe(0);
    for (const { kind, answer } of halves) expect([kind, (await answer).slice(0, 13)]).toEqual([kind, 'HTTP/1.1 408 ']);
    clearInterval(trickle);
  }, 20_000);
});

describe('what is refused below the router', () => {
  const HEAD = 'POST /oauth2/token HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';
  const lastAnswerTo = async (request: string): Promise<string> => {
    const socket = open();
    socket.write(request);
    const answers = await text(socket);
    return answers.slice(answers.lastIndexOf('HTTP/1.1 '));
  };

  it.each([
    ['half a body', `${HEAD}content-length: 9\r\n\r\n{`, 408],
    ['half a body, after another request', `${HEAD}content-length: 2\r\n\r\n{}${HEAD}content-length: 9\r\n\r\n{`, 408],
    ['what is no chunk', `${HEAD}transfer-encoding: chunked\r\n\r\nno chunk\r\n`, 400],
    ['an expectation', `${HEAD}connection: close\r\nexpect: magic\r\n\r\n`, 417],
  ])('is told OAuth clients in the shape that they read: %s', async (_, request, status) => {
    const [head = '', body = ''] = (await lastAnswerTo(request)).split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${String(status)} [^]*\r\ncontent-type: application/json(\r\n|$)`, 'i'));
    expect(JSON.parse(body)).toEqual({ error: 'invalid_request', error_description: expect.any(String) as unknown });
  });

  it.each([
    ['headers that are too large', `${HEAD}x: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
    [
      'half a head after a whole request',
      `${HEAD}content-length: 2\r\n\r\n{}POST /oauth2/token HTTP/1.1\r\nhost:`,
      408,
    ],
  ])('is a problem where no address was read: %s', async (_, request, status) => {
    const problem = `^HTTP/1.1 ${String(status)} [^]*\r\ncontent-type: application/problem\\+json\r\n`;
    expect(await lastAnswerTo(request)).toMatch(new RegExp(problem, 'i'));
  });
});

// S15
describe('a body that is too large', () => {
  it.each([
    ['with a length', (body: string) => `content-length: ${String(body.length)}\r\n\r\n${body}`],
    [
      'without one',
      (body: string) => `transfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    ],
  ])('%s is a 413 each time', async (_, framed) => {
    for (let round = 0; round < 20; round += 1) {
      const socket = open();
      socket.write(`${POST}${framed('x'.repeat(300_000))}`);
      expect(await text(socket)).toMatch(/^HTTP\/1\.1 413 [^]*"code":"request\.too-large"/);
    }
  });

  it('does not stand in the way of a DELETE, and ends the connection where it is beyond all measure', async () => {
    const socket = open();
    socket.write('DELETE /small HTTP/1.1\r\nhost: x\r\ncontent-length: 100000000\r\n\r\nx');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 204 [^]*\r\nconnection: close\r\n/);
  });

  it('is not waited for by an answer that does not need it, and ends the connection', async () => {
    const socket = open();
    socket.write('POST /nowhere HTTP/1.1\r\nhost: x\r\ncontent-length: 100000000\r\n\r\nx');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 404 [^]*\r\nconnection: close\r\n/);
  });
});

// S15
describe('an answer that nobody reads', () => {
  /** One that asks for it, and the server's end of its connection. */
  async function ask(): Promise<{ reader: Socket; end: Socket }> {
    const connected = once(app.getHttpServer(), 'connection') as Promise<[Socket]>;
    const reader = open();
    reader.write('GET /large HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    return { reader, end: (await connected)[0] };
  }

  it('is given up, and one that is read slowly is not', async () => {
    const unread = await ask();
    const slow = await ask();
    let read = 0;
    const sip = setInterval(() => {
      read += (slow.reader.read() as Buffer | null)?.length ?? 0;
    }, 100);
    await once(unread.end, 'close');
    expect(slow.end.destroyed).toBe(false);
    clearInterval(sip);
    slow.reader.on('data', (chunk: Buffer) => (read += chunk.length));
    await once(slow.reader, 'end');
    expect(read).toBeGreaterThan(LARGE.length);
  }, 20_000);
});

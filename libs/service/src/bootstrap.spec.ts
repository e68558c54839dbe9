import { Controller, Get, Module, Param } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { until } from '@rebelcore/testing/until';
import diagnostics from 'node:diagnostics_channel';
import { EventEmitter, once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { createService } from './bootstrap.js';
import { proxyList } from './client-address.js';
import { HEALTH_CHECKS, HealthController } from './health.js';
import { logModule } from './log.js';

const requests = new EventEmitter();

@Controller()
class GateController {
  @Get('gate/:name')
  async pass(@Param('name') name: string): Promise<string> {
    requests.emit(`${name} waits`);
    await once(requests, `${name} passes`);
    return `${name} passed`;
  }
}

@Module({
  imports: [logModule('sample', 'silent')],
  controllers: [GateController, HealthController],
  providers: [{ provide: HEALTH_CHECKS, useValue: [] }],
})
class SampleModule {}

type Configure = Parameters<typeof createService>[0]['configure'];
async function start(configure?: Configure): Promise<NestFastifyApplication> {
  const app = await createService({
    name: 'sample',
    module: SampleModule,
    config: { HOST: '127.0.0.1', PORT: 0, TRUSTED_PROXIES: proxyList.parse('') },
    ...(configure && { configure }),
  });
  await app.listen(0, '127.0.0.1');
  return app;
}

/** A connection, and what has come over it. */
function open(app: NestFastifyApplication): { socket: Socket; answers: () => string } {
  const socket = connect((app.getHttpServer().address() as AddressInfo).port, '127.0.0.1');
  let answers = '';
  socket.setEncoding('utf8').on('data', (text: string) => (answers += text));
  return { socket, answers: () => answers };
}

describe('a service that stops', () => {
  it('serves what still comes over an open connection, and then closes it', async () => {
    const closing = Promise.withResolvers<undefined>();
    const app = await start((created) => {
      created
        .getHttpAdapter()
        .getInstance()
        .addHook('preClose', (done) => {
          closing.resolve(undefined);
          done();
        });
    });
    const { socket, answers } = open(app);
    const ask = (name: string) => {
      const waits = once(requests, `${name} waits`);
      socket.write(`GET /gate/${name} HTTP/1.1\r\nhost: sample\r\n\r\n`);
      return waits;
    };
    await ask('first');
    const closed = app.close();
    await closing.promise;
    await ask('second');
    requests.emit('first passes');
    requests.emit('second passes');
    await Promise.all([closed, once(socket, 'close')]);
    expect(answers()).toMatch(/first passed[^]*second passed/);
  });

  it('does not wait for connections on which nothing has come', async () => {
    const app = await start();
    const connected = once(app.getHttpServer(), 'connection');
    const { socket, answers } = open(app);
    await connected;
    const ended = once(socket, 'close');
    await Promise.all([app.close(), ended]);
    // Had it been waited for, Node would have told it that its request is late.
    expect(answers()).toBe('');
  });
});

describe('requests that are sent ahead on one connection', () => {
  let app: NestFastifyApplication;
  beforeAll(async () => {
    app = await start();
  });
  afterAll(() => app.close());
  const live = (count: number) => 'GET /health/live HTTP/1.1\r\nhost: sample\r\n\r\n'.repeat(count);
  const begin = async (socket: Socket) => {
    const waits = once(requests, 'gate waits');
    socket.write('GET /gate/gate HTTP/1.1\r\nhost: sample\r\n\r\n');
    await waits;
  };

  it('are answered in turn, as often as they come, up to sixteen at once', async () => {
    const { socket, answers } = open(app);
    for (let round = 1; round <= 3; round += 1) {
      await begin(socket);
      socket.write(live(15));
      requests.emit('gate passes');
      await until(() => answers().split('{"status":"ok"}').length - 1 === 15 * round, 'all answers');
    }
    socket.destroy();
  });

  it('beyond that end it, and are not begun', async () => {
    let begun = 0;
    const count = () => (begun += 1);
    diagnostics.subscribe('tracing:fastify.request.handler:start', count);
    const { socket, answers } = open(app);
    await begin(socket);
    socket.write(live(500));
    await once(socket, 'close');
    diagnostics.unsubscribe('tracing:fastify.request.handler:start', count);
    expect([begun, answers()]).toEqual([16, '']);
    requests.emit('gate passes');
  });
});

import { Controller, Get, Module, Param } from '@nestjs/common';
import { EventEmitter, once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
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

describe('a service that stops', () => {
  it('serves what still comes over an open connection, and then closes it', async () => {
    const closing = Promise.withResolvers<undefined>();
    const app = await createService({
      name: 'sample',
      module: SampleModule,
      config: { HOST: '127.0.0.1', PORT: 0, TRUSTED_PROXIES: proxyList.parse('') },
      configure: (created) => {
        created
          .getHttpAdapter()
          .getInstance()
          .addHook('preClose', (done) => {
            closing.resolve(undefined);
            done();
          });
      },
    });
    await app.listen(0, '127.0.0.1');
    const socket = connect((app.getHttpServer().address() as AddressInfo).port, '127.0.0.1');
    let answers = '';
    socket.setEncoding('utf8').on('data', (text: string) => (answers += text));
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
    expect(answers).toMatch(/first passed[^]*second passed/);
  });
});

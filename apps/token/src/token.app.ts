import { CallRecorder } from '@rebelcore/api-access/call-recorder';
import { recordCalls } from '@rebelcore/api-access/record-calls.plugin';
import { KafkaBatchStrategy } from '@rebelcore/messaging/consume/kafka-batch-strategy';
import type { ServiceOptions } from '@rebelcore/service/bootstrap';
import { AUTHORIZATION } from './authorization/authorization.view.js';
import type { TokenConfig } from './token.config.js';
import { TokenModule } from './token.module.js';

const DESCRIPTION =
  'Trades the credentials of API users for bearer tokens. Every attempt is recorded before it is answered; while it is not certain who may authorize, the answer is 503.';

/** The service as `main` starts it, and as tests do, with a consumer group of their own. */
export const tokenApp = (config: TokenConfig, group = `token.${AUTHORIZATION}`): ServiceOptions => ({
  name: 'token',
  module: TokenModule.with(config, group),
  host: config.HOST,
  port: config.PORT,
  trustedProxies: config.TRUSTED_PROXIES,
  bodyLimit: 16 * 1024,
  description: DESCRIPTION,
  configure: (app) => {
    recordCalls(app.getHttpAdapter().getInstance(), {
      service: 'token',
      recorder: app.get(CallRecorder),
      when: (request) => request.routeOptions.url === '/api/v1/authorize',
    });
  },
  consumer: (app) => app.get(KafkaBatchStrategy),
});

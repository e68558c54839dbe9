import { KafkaBatchStrategy } from '@rebelcore/messaging/consume/kafka-batch-strategy';
import type { ServiceOptions } from '@rebelcore/service/bootstrap';
import { isRefusedCall } from '@rebelcore/service/refused-calls';
import type { TokenConfig } from './token.config.js';
import { TokenModule } from './token.module.js';

const DESCRIPTION =
  'Trades the credentials of API users for bearer tokens. Every attempt is recorded before it is answered; while it is not certain who may authorize, the answer is 503.';

/** The service as `main` starts it, and as tests do, with a consumer group of their own. */
export const tokenApp = (config: TokenConfig, consumerGroup?: string): ServiceOptions => ({
  name: 'token',
  module: TokenModule.forRoot(config, consumerGroup),
  config,
  bodyLimit: 16 * 1024,
  recordCalls: (request, status) => request.routeOptions.url === '/api/v1/authorize' || isRefusedCall(request, status),
  description: DESCRIPTION,
  consumer: KafkaBatchStrategy,
});

import { ApiUserGuard } from '@rebelcore/api-access/api-user.guard';
import { KafkaBatchStrategy } from '@rebelcore/messaging/consume/kafka-batch-strategy';
import type { ServiceOptions } from '@rebelcore/service/bootstrap';
import { isRefusedCall } from '@rebelcore/service/refused-calls';
import type { InferenceConfig } from './inference.config.js';
import { InferenceModule } from './inference.module.js';

const DESCRIPTION =
  'The sample downstream API: guarded by the tokens of API users, every call recorded before its answer.';

/** The service as `main` starts it, and as tests do, with a consumer group of their own. */
export const inferenceApp = (config: InferenceConfig, consumerGroup?: string): ServiceOptions => ({
  name: 'inference',
  module: InferenceModule.forRoot(config, consumerGroup),
  config,
  bodyLimit: 1024 * 1024,
  recordCalls: (request, status) =>
    request.routeOptions.url?.startsWith('/api/') === true || isRefusedCall(request, status),
  callers: ApiUserGuard,
  description: DESCRIPTION,
  consumer: KafkaBatchStrategy,
});

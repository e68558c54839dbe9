import { KafkaBatchStrategy } from '@rebelcore/messaging/consume/kafka-batch-strategy';
import type { ServiceOptions } from '@rebelcore/service/bootstrap';
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
  recordCalls: (request) => request.routeOptions.url?.startsWith('/api/') === true,
  description: DESCRIPTION,
  consumer: KafkaBatchStrategy,
});

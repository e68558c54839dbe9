import { CallRecorder } from '@rebelcore/api-access/call-recorder';
import { recordCalls } from '@rebelcore/api-access/record-calls.plugin';
import { KafkaBatchStrategy } from '@rebelcore/messaging/consume/kafka-batch-strategy';
import type { ServiceOptions } from '@rebelcore/service/bootstrap';
import type { InferenceConfig } from './inference.config.js';
import { InferenceModule } from './inference.module.js';
import { SPECS } from './specs/spec.view.js';

const DESCRIPTION =
  'The sample downstream API: guarded by the tokens of API users, every call recorded before its answer.';

/** The service as `main` starts it, and as tests do, with a consumer group of their own. */
export const inferenceApp = (config: InferenceConfig, group = `inference.${SPECS}`): ServiceOptions => ({
  name: 'inference',
  module: InferenceModule.with(config, group),
  host: config.HOST,
  port: config.PORT,
  trustedProxies: config.TRUSTED_PROXIES,
  bodyLimit: 1024 * 1024,
  description: DESCRIPTION,
  configure: (app) => {
    recordCalls(app.getHttpAdapter().getInstance(), {
      service: 'inference',
      recorder: app.get(CallRecorder),
      when: (request) => request.routeOptions.url?.startsWith('/api/') === true,
    });
  },
  consumer: (app) => app.get(KafkaBatchStrategy),
});

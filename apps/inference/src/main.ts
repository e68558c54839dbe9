import 'reflect-metadata';
import { CallRecorder } from '@rebelcore/api-access/call-recorder';
import { recordCalls } from '@rebelcore/api-access/record-calls.plugin';
import { KafkaBatchStrategy } from '@rebelcore/messaging/kafka-batch-strategy';
import { startService } from '@rebelcore/service/bootstrap';
import { inferenceConfig } from './inference.config.js';
import { InferenceModule } from './inference.module.js';

await startService(() => {
  const config = inferenceConfig();
  return {
    name: 'inference',
    module: InferenceModule.with(config),
    host: config.HOST,
    port: config.PORT,
    trustedProxies: config.TRUSTED_PROXIES,
    bodyLimit: 1024 * 1024,
    description:
      'The sample downstream API: guarded by the tokens of API users, every call recorded before its answer.',
    configure: (app) => {
      recordCalls(app.getHttpAdapter().getInstance(), {
        service: 'inference',
        recorder: app.get(CallRecorder),
        when: (request) => request.routeOptions.url?.startsWith('/api/') === true,
      });
    },
    consumer: (app) => app.get(KafkaBatchStrategy),
  };
});

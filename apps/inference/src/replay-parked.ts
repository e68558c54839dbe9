import { replayParked } from '@rebelcore/service/replay-parked';
import { runtimeUrl } from './inference.config.js';
import { specHandlers } from './specs/spec.projector.js';
import { SPECS } from './specs/spec.view.js';

await replayParked({
  service: 'inference',
  databaseUrl: runtimeUrl(),
  view: SPECS,
  handlers: { 'identity.events.v1': specHandlers },
});

import { replayParked } from '@rebelcore/service/replay-parked';
import { ENFORCEMENT, enforcementHandlers } from './enforcement/enforcement.projector.js';
import { runtimeUrl } from './identity.config.js';

await replayParked({
  service: 'identity',
  databaseUrl: runtimeUrl(),
  view: ENFORCEMENT,
  handlers: enforcementHandlers,
});

import { replayParked } from '@rebelcore/service/replay-parked';
import { authorizationHandlers } from './authorization/authorization.projector.js';
import { AUTHORIZATION } from './authorization/authorization.view.js';
import { runtimeUrl } from './token.config.js';

await replayParked({
  service: 'token',
  databaseUrl: runtimeUrl(),
  view: AUTHORIZATION,
  handlers: authorizationHandlers,
});

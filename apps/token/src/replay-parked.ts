import { replayParked } from '@rebelcore/service/replay-parked';
import { authorizationHandlers } from './authorization/authorization.projector.js';
import { AUTHORIZATION } from './authorization/authorization.view.js';

await replayParked('token', AUTHORIZATION, authorizationHandlers);

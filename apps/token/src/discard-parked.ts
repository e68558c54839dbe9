import { discardParked } from '@rebelcore/service/discard-parked';
import { authorizationHandlers } from './authorization/authorization.projector.js';
import { AUTHORIZATION } from './authorization/authorization.view.js';

await discardParked('token', AUTHORIZATION, authorizationHandlers);

import { discardParked } from '@rebelcore/service/discard-parked';
import { ENFORCEMENT, enforcementHandlers } from './enforcement/enforcement.projector.js';

await discardParked('identity', ENFORCEMENT, enforcementHandlers);

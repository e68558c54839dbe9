import { replayParked } from '@rebelcore/service/replay-parked';
import { ENFORCEMENT, enforcementHandlers } from './enforcement/enforcement.projector.js';

await replayParked('identity', ENFORCEMENT, enforcementHandlers);

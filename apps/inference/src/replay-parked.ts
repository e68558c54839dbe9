import { replayParked } from '@rebelcore/service/replay-parked';
import { specHandlers } from './specs/spec.projector.js';
import { SPECS } from './specs/spec.view.js';

await replayParked('inference', SPECS, { 'identity.events.v1': specHandlers });

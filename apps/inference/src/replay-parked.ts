import { replayParked } from '@rebelcore/service/replay-parked';
import { CUSTOMERS, customerHandlers } from './customers/customer.projector.js';

await replayParked('inference', CUSTOMERS, { 'identity.events.v1': customerHandlers });

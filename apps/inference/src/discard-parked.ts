import { discardParked } from '@rebelcore/service/discard-parked';
import { CUSTOMERS, customerHandlers } from './customers/customer.projector.js';

await discardParked('inference', CUSTOMERS, { 'identity.events.v1': customerHandlers });

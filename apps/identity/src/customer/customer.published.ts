import type { StreamPublication } from '@rebelcore/event-store/event-store';
import { identityEvent } from '../published-event.js';
import { customer, type CustomerEvent } from './customer.js';

export const customerPublication: StreamPublication<CustomerEvent> = {
  aggregate: customer,
  publish: (recording) => [identityEvent(recording, recording.event.data.customerId)],
};

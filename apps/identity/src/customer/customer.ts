import { identityEvents, type Actor } from '@rebelcore/contracts/identity-events';
import { eventCodec, type Aggregate, type Decision, type EventOf } from '@rebelcore/event-store/aggregate';

const events = { CustomerProvisioned: { schema: identityEvents.schemas.CustomerProvisioned } };
export type CustomerEvent = EventOf<typeof events>;

export type Customer =
  { readonly status: 'none' } | { readonly status: 'active'; readonly name: string; readonly ownerId: string };

export const customer: Aggregate<Customer, CustomerEvent> = {
  type: 'customer',
  initial: { status: 'none' },
  evolve: (_, { data }) => ({ status: 'active', name: data.name, ownerId: data.ownerId }),
  codec: eventCodec(events),
};

export interface Provision {
  readonly customerId: string;
  readonly name: string;
  readonly ownerId: string;
  readonly actor: Actor;
}

export const provision =
  (details: Provision): Decision<Customer, CustomerEvent> =>
  (state) =>
    state.status === 'none' ? [{ type: 'CustomerProvisioned', data: details }] : [];

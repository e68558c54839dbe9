import { Controller, UseFilters } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { identityEvents, type IdentityEvent } from '@rebelcore/contracts/identity-events';
import type { ReceivedBatch } from '@rebelcore/messaging/consume/batch-consumer';
import { RethrowFilter } from '@rebelcore/messaging/consume/kafka-batch-strategy';
import { Projection } from '@rebelcore/messaging/project/projection';
import type { ProjectionHandlers } from '@rebelcore/messaging/project/projection-handlers';
import { sampleSpecOf } from './spec.view.js';

/** How a downstream service subscribes to identity's events: here to give each new customer a sample spec. */
export const specHandlers: ProjectionHandlers<IdentityEvent> = {
  sequenced: true,
  read: (message) => identityEvents.read(message),
  apply: async (tx, received) => {
    const customers = received.flatMap(({ event }) =>
      event.name === 'CustomerProvisioned' ? [event.data.customerId] : [],
    );
    await tx.query(
      `insert into spec_v1 (spec_id, customer_id)
       select * from unnest($1::text[], $2::uuid[]) on conflict do nothing`,
      [customers.map(sampleSpecOf), customers],
    );
  },
};

@Controller()
@UseFilters(RethrowFilter)
export class SpecProjector {
  constructor(private readonly projection: Projection) {}

  @EventPattern('identity.events.v1')
  apply(@Payload() batch: ReceivedBatch): Promise<void> {
    return this.projection.apply(batch, specHandlers);
  }
}

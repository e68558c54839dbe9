import { Controller, UseFilters } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { identityEvents, type IdentityEvent } from '@rebelcore/contracts/identity-events';
import type { ReceivedBatch } from '@rebelcore/messaging/consume/batch-consumer';
import { RethrowFilter } from '@rebelcore/messaging/consume/kafka-batch-strategy';
import { ViewFreshness } from '@rebelcore/messaging/project/freshness';
import { Projection } from '@rebelcore/messaging/project/projection';
import type { ProjectionHandlers } from '@rebelcore/messaging/project/projection-handlers';
import { applySampleSpecs } from '../specs/spec.view.js';
import { applyApiUsers } from './api-user.view.js';

/** Name of the view and, after `inference.`, of its consumer group. */
export const CUSTOMERS = 'customers-v1';

/** How a downstream service subscribes to identity's events: what it needs to know of customers, in tables of its own. */
export const customerHandlers: ProjectionHandlers<IdentityEvent> = {
  sequenced: true,
  read: (message) => identityEvents.read(message),
  apply: async (tx, received) => {
    const events = received.map(({ event }) => event);
    await applySampleSpecs(tx, events);
    await applyApiUsers(tx, events);
  },
};

@Controller()
@UseFilters(RethrowFilter)
export class CustomerProjector {
  constructor(
    private readonly projection: Projection,
    private readonly freshness: ViewFreshness,
  ) {}

  @EventPattern('identity.events.v1')
  apply(@Payload() batch: ReceivedBatch): Promise<void> {
    return this.projection.apply(batch, customerHandlers);
  }

  @EventPattern('identity.heartbeats.v1')
  heartbeats(@Payload() batch: ReceivedBatch): Promise<void> {
    return this.freshness.record(batch);
  }
}

import { Controller, UseFilters } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { tokenEvents } from '@rebelcore/contracts/token-events';
import type { ReceivedBatch } from '@rebelcore/messaging/batch-consumer';
import { RethrowFilter } from '@rebelcore/messaging/kafka-batch-strategy';
import { Projection, type ProjectionHandlers } from '@rebelcore/messaging/projection';
import { EnforcementView, type EnforcementEvent } from './enforcement.view.js';

export const ENFORCEMENT = 'enforcement-v1';
export const ENFORCEMENT_GROUP = `identity.${ENFORCEMENT}`;

/** What the token service says it has applied. */
@Controller()
@UseFilters(RethrowFilter)
export class EnforcementProjector {
  readonly handlers: ProjectionHandlers<EnforcementEvent>;

  constructor(
    private readonly projection: Projection,
    view: EnforcementView,
  ) {
    this.handlers = {
      read: (message) => tokenEvents.read(message),
      apply: (tx, events) => view.apply(tx, events),
      afterCommit: () => {
        view.wake();
      },
    };
  }

  @EventPattern('token.events.v1')
  apply(@Payload() batch: ReceivedBatch): Promise<void> {
    return this.projection.apply(batch, this.handlers);
  }
}

import { Controller, UseFilters } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { Topic } from '@rebelcore/contracts/topics';
import { tokenEvents } from '@rebelcore/contracts/token-events';
import type { ReceivedBatch } from '@rebelcore/messaging/consume/batch-consumer';
import { RethrowFilter } from '@rebelcore/messaging/consume/kafka-batch-strategy';
import { Projection, type ProjectionHandlers } from '@rebelcore/messaging/project/projection';
import { applyEnforcement, EnforcementView, type EnforcementEvent } from './enforcement.view.js';

/** Name of the view and, after `identity.`, of its consumer group. */
export const ENFORCEMENT = 'enforcement-v1';

export const enforcementHandlers = {
  // Of each API user the acknowledgement of the latest change counts, in whatever order they come.
  'token.events.v1': { read: (message) => tokenEvents.read(message), apply: applyEnforcement, unordered: true },
} satisfies Partial<Record<Topic, ProjectionHandlers<EnforcementEvent>>>;

/** What the token service says it has applied. */
@Controller()
@UseFilters(RethrowFilter)
export class EnforcementProjector {
  constructor(
    private readonly projection: Projection,
    private readonly view: EnforcementView,
  ) {}

  @EventPattern('token.events.v1')
  apply(@Payload() batch: ReceivedBatch): Promise<void> {
    return this.projection.apply(batch, {
      ...enforcementHandlers['token.events.v1'],
      afterCommit: (received) => {
        this.view.acknowledge(received);
      },
    });
  }
}

import { Controller, UseFilters } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { credentialEvents } from '@rebelcore/contracts/credential-events';
import { identityEvents, type IdentityEvent } from '@rebelcore/contracts/identity-events';
import type { ReceivedBatch } from '@rebelcore/messaging/consume/batch-consumer';
import { ViewFreshness } from '@rebelcore/messaging/project/freshness';
import { RethrowFilter } from '@rebelcore/messaging/consume/kafka-batch-strategy';
import { Projection } from '@rebelcore/messaging/project/projection';
import type { ProjectionHandlers } from '@rebelcore/messaging/project/projection-handlers';
import { Relay } from '@rebelcore/messaging/relay/relay';
import type { PoolClient } from 'pg';
import { applyEvents } from './authorization.roles.js';
import {
  applyVerifiers,
  markAcknowledged,
  publishAcknowledgements,
  type CredentialEvent,
} from './authorization.view.js';

/**
 * How each topic becomes the authorization view.
 *
 * @param acknowledge acknowledges the state of API users whose rows have changed, in the same transaction
 */
const handlers = (acknowledge: (tx: PoolClient, apiUserIds: readonly string[]) => Promise<void>) => ({
  'identity.events.v1': {
    sequenced: true,
    read: (message) => identityEvents.read(message),
    apply: async (tx, received) => {
      await acknowledge(
        tx,
        await applyEvents(
          tx,
          received.map(({ event }) => event),
        ),
      );
    },
  } satisfies ProjectionHandlers<IdentityEvent>,
  'identity.credentials.v1': {
    read: (message) => credentialEvents.read(message),
    apply: async (tx, received) => {
      const issued = received.map(({ event }) => event);
      await acknowledge(tx, await applyVerifiers(tx, issued));
    },
  } satisfies ProjectionHandlers<CredentialEvent>,
});

/** For the view that serves: identity waits for its acknowledgements. */
export const authorizationHandlers = handlers(publishAcknowledgements);

/** For a view that is rebuilt while another one serves. */
export const rebuildHandlers = handlers(markAcknowledged);

/** Keeps the authorization view: states from one topic, verifiers from the other, and how current they are. */
@Controller()
@UseFilters(RethrowFilter)
export class AuthorizationProjector {
  constructor(
    private readonly projection: Projection,
    private readonly freshness: ViewFreshness,
    private readonly relay: Relay,
  ) {}

  @EventPattern('identity.events.v1')
  async applyStates(@Payload() batch: ReceivedBatch): Promise<void> {
    await this.projection.apply(batch, authorizationHandlers['identity.events.v1']);
    this.relay.wake();
  }

  @EventPattern('identity.credentials.v1')
  async applyVerifiers(@Payload() batch: ReceivedBatch): Promise<void> {
    await this.projection.apply(batch, authorizationHandlers['identity.credentials.v1']);
    this.relay.wake();
  }

  @EventPattern('identity.heartbeats.v1')
  heartbeat(@Payload() batch: ReceivedBatch): Promise<void> {
    return this.freshness.record(batch);
  }
}

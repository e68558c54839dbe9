import { Controller, UseFilters } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { credentialEvents } from '@rebelcore/contracts/credential-events';
import { identityEvents, type IdentityEvent } from '@rebelcore/contracts/identity-events';
import type { ReceivedBatch } from '@rebelcore/messaging/batch-consumer';
import { ViewCurrency } from '@rebelcore/messaging/currency';
import { RethrowFilter } from '@rebelcore/messaging/kafka-batch-strategy';
import { Projection } from '@rebelcore/messaging/projection';
import type { ProjectionHandlers } from '@rebelcore/messaging/projection-handlers';
import { Relay } from '@rebelcore/messaging/relay';
import { acknowledge, applyStates, applyVerifiers, stateChanges, type CredentialEvent } from './authorization.view.js';

/** Keeps the authorization view: states from one topic, verifiers from the other, and how current they are. */
@Controller()
@UseFilters(RethrowFilter)
export class AuthorizationProjector {
  private readonly states: ProjectionHandlers<IdentityEvent>;
  private readonly verifiers: ProjectionHandlers<CredentialEvent>;

  constructor(
    private readonly projection: Projection,
    private readonly currency: ViewCurrency,
    relay: Relay,
  ) {
    const afterCommit = () => {
      relay.wake();
    };
    this.states = {
      sequenced: true,
      read: (message) => identityEvents.read(message),
      apply: async (tx, received) => {
        await acknowledge(tx, await applyStates(tx, stateChanges(received.map(({ event }) => event))));
      },
      afterCommit,
    };
    this.verifiers = {
      read: (message) => credentialEvents.read(message),
      apply: async (tx, received) => {
        await acknowledge(
          tx,
          await applyVerifiers(
            tx,
            received.map(({ event }) => event),
          ),
        );
      },
      afterCommit,
    };
  }

  @EventPattern('identity.events.v1')
  applyStates(@Payload() batch: ReceivedBatch): Promise<void> {
    return this.projection.apply(batch, this.states);
  }

  @EventPattern('identity.credentials.v1')
  applyVerifiers(@Payload() batch: ReceivedBatch): Promise<void> {
    return this.projection.apply(batch, this.verifiers);
  }

  @EventPattern('identity.heartbeats.v1')
  heartbeat(@Payload() batch: ReceivedBatch): Promise<void> {
    return this.currency.record(batch);
  }

  /** Tries what is parked again; for the command `replay-parked`. */
  replayParked(): Promise<{ replayed: number; left: number }> {
    return this.projection.replayParked({
      'identity.events.v1': this.states,
      'identity.credentials.v1': this.verifiers,
    });
  }
}

import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { Refused } from '@rebelcore/event-store/aggregate';
import { EventStore } from '@rebelcore/event-store/event-store';
import type { RequestContext } from '@rebelcore/service/correlation';
import { randomUUIDv7 as uuid } from 'node:crypto';
import { actorOf, appendContextOf, type Caller } from '../access/caller.js';
import { apiUser } from '../api-user/api-user.js';
import { create, goneAt, handOver, open, withdraw, type Gone } from './hand-over.js';
import { HandOvers } from './hand-overs.js';

const OPENS_FOR_MS = 60 * 60 * 1_000;

/** By its id a link is found before it is known whose it is. */
const claimOf = (id: string) => ({ scope: 'hand-over', key: id });

export interface CreatedHandOver {
  readonly id: string;
  readonly expiresAt: Date;
  readonly position: number;
}

/** A link behind which the credentials of an API user wait for an hour, encrypted, to be opened once. */
export class CreateHandOver extends Command<CreatedHandOver> {
  constructor(
    readonly apiUserId: string,
    readonly ciphertext: string,
    readonly caller: Caller,
  ) {
    super();
  }
}

@CommandHandler(CreateHandOver)
export class CreateHandOverHandler implements ICommandHandler<CreateHandOver> {
  constructor(private readonly store: EventStore) {}

  async execute({ apiUserId, ciphertext, caller }: CreateHandOver): Promise<CreatedHandOver> {
    const { customerId } = caller;
    const { state: whose } = await this.store.load(apiUser, apiUserId, customerId);
    const id = uuid();
    const expiresAt = new Date(Date.now() + OPENS_FOR_MS);
    const fact = { handOverId: id, apiUserId, customerId, expiresAt: expiresAt.toISOString(), actor: actorOf(caller) };
    const { position } = await this.store.transact(handOver, id, create(fact, { ciphertext }, whose), {
      ...appendContextOf(caller),
      claims: [{ ...claimOf(id), streamId: id }],
    });
    return { id, expiresAt, position };
  }
}

export class WithdrawHandOver extends Command<{ readonly position: number }> {
  constructor(
    readonly id: string,
    readonly caller: Caller,
  ) {
    super();
  }
}

@CommandHandler(WithdrawHandOver)
export class WithdrawHandOverHandler implements ICommandHandler<WithdrawHandOver> {
  constructor(private readonly store: EventStore) {}

  execute({ id, caller }: WithdrawHandOver): Promise<{ readonly position: number }> {
    return this.store.transact(handOver, id, withdraw(actorOf(caller)), appendContextOf(caller));
  }
}

/** Why it did not open and whose it is: for the record, not for the caller. */
export interface NotOpened {
  readonly gone: Gone;
  readonly customerId: string;
  readonly apiUserId: string;
}

/** By whoever holds the link. Of many at the same moment one gets what waits behind it, and it is deleted. */
export class OpenHandOver extends Command<{ readonly ciphertext: string } | NotOpened> {
  constructor(
    readonly id: string,
    readonly ip: string,
    readonly context: RequestContext,
  ) {
    super();
  }
}

@CommandHandler(OpenHandOver)
export class OpenHandOverHandler implements ICommandHandler<OpenHandOver> {
  constructor(
    private readonly store: EventStore,
    private readonly handOvers: HandOvers,
  ) {}

  async execute({ id, ip, context }: OpenHandOver): Promise<{ readonly ciphertext: string } | NotOpened> {
    const { scope, key } = claimOf(id);
    const claimed = await this.store.claimedBy(scope, key);
    if (claimed === undefined) throw new Refused('hand-over.unknown', 'There is no such link.');
    const { customerId } = claimed;
    // It never changes, so it may be read before it is decided who gets it.
    const ciphertext = await this.handOvers.ciphertext(customerId, id);
    try {
      if (ciphertext !== undefined) {
        await this.store.transact(handOver, id, open(new Date(), { ip }), { ...context, customerId });
        return { ciphertext };
      }
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
    return this.notOpened(customerId, id);
  }

  private async notOpened(customerId: string, id: string): Promise<NotOpened> {
    const { state } = await this.store.load(handOver, id, customerId);
    if (state.status === 'none') throw new Error('a link that is claimed was never made');
    await this.handOvers.countFailure(customerId, id);
    // What was deleted while it waited had expired.
    const gone = goneAt(state, new Date()) ?? 'hand-over.expired';
    return { gone, customerId, apiUserId: state.apiUserId };
  }
}

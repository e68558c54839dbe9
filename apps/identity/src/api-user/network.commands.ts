import { Command, CommandHandler, Query, QueryHandler, type ICommandHandler, type IQueryHandler } from '@nestjs/cqrs';
import { Refused } from '@rebelcore/event-store/aggregate';
import { EventStore } from '@rebelcore/event-store/event-store';
import { actorOf, appendContextOf, type Caller } from '../access/caller.js';
import { EnforcementView } from '../enforcement/enforcement.view.js';
import type { Change } from './api-user.commands.js';
import { apiUser, confine, type Confinement } from './api-user.js';

/** Where an API user is confined to. */
export class ConfinementOfApiUser extends Query<Confinement> {
  constructor(
    readonly id: string,
    readonly caller: Caller,
  ) {
    super();
  }
}

@QueryHandler(ConfinementOfApiUser)
export class ConfinementOfApiUserHandler implements IQueryHandler<ConfinementOfApiUser> {
  constructor(private readonly store: EventStore) {}

  /** @throws {Refused} `user.unknown` */
  async execute({ id, caller }: ConfinementOfApiUser): Promise<Confinement> {
    const { state } = await this.store.load(apiUser, id, caller.customerId);
    if (state.status === 'none') throw new Refused('user.unknown', 'There is no such user.');
    return state.confinement;
  }
}

/** From now on an API user is confined to these networks and no others. Tokens that are out stay as they are. */
export class ConfineApiUser extends Command<Change> {
  constructor(
    readonly id: string,
    readonly to: Confinement,
    readonly caller: Caller,
  ) {
    super();
  }
}

@CommandHandler(ConfineApiUser)
export class ConfineApiUserHandler implements ICommandHandler<ConfineApiUser> {
  constructor(
    private readonly store: EventStore,
    private readonly enforcement: EnforcementView,
  ) {}

  async execute({ id, to, caller }: ConfineApiUser): Promise<Change> {
    const decision = confine(to, actorOf(caller));
    const { recorded, position } = await this.store.transact(apiUser, id, decision, appendContextOf(caller));
    return { position, enforcedAt: await this.enforcement.inForceSince(id, position, recorded.at(-1)?.id) };
  }
}

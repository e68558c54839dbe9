import { Command, CommandHandler, Query, QueryHandler, type ICommandHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { ClientKey } from '@rebelcore/contracts/client-key';
import { Refused } from '@rebelcore/event-store/aggregate';
import { EventStore } from '@rebelcore/event-store/event-store';
import { actorOf, appendContextOf, type Caller } from '../access/caller.js';
import { EnforcementView } from '../enforcement/enforcement.view.js';
import type { Change } from './api-user.commands.js';
import { addKey, apiUser, removeKey } from './api-user.js';

/** A key and since when the API user has it. */
export interface RegisteredKey extends ClientKey {
  readonly addedAt: Date;
}

/** The keys of an API user, oldest first. */
export class KeysOfApiUser extends Query<readonly RegisteredKey[]> {
  constructor(
    readonly id: string,
    readonly caller: Caller,
  ) {
    super();
  }
}

@QueryHandler(KeysOfApiUser)
export class KeysOfApiUserHandler implements IQueryHandler<KeysOfApiUser> {
  constructor(private readonly store: EventStore) {}

  /** @throws {Refused} `user.unknown` */
  async execute({ id, caller }: KeysOfApiUser): Promise<readonly RegisteredKey[]> {
    const { state, history } = await this.store.load(apiUser, id, caller.customerId);
    if (state.status === 'none') throw new Refused('user.unknown', 'There is no such user.');
    const addedAt = new Map<string, Date>();
    for (const { event, time } of history) if (event.type === 'ApiUserKeyAdded') addedAt.set(event.data.key.kid, time);
    return state.keys.map((key) => ({ ...key, addedAt: addedAt.get(key.kid) ?? new Date(0) }));
  }
}

/** From now on the API user may also authenticate by this key; answers also whether the key is new. */
export class AddApiUserKey extends Command<Change & { readonly added: boolean }> {
  constructor(
    readonly id: string,
    readonly key: ClientKey,
    readonly caller: Caller,
  ) {
    super();
  }
}

@CommandHandler(AddApiUserKey)
export class AddApiUserKeyHandler implements ICommandHandler<AddApiUserKey> {
  constructor(
    private readonly store: EventStore,
    private readonly enforcement: EnforcementView,
  ) {}

  async execute({ id, key, caller }: AddApiUserKey): Promise<Change & { readonly added: boolean }> {
    const decision = addKey(key, actorOf(caller));
    const { recorded, position } = await this.store.transact(apiUser, id, decision, appendContextOf(caller));
    const enforcedAt = await this.enforcement.inForceSince(id, position, recorded.at(-1)?.id);
    return { position, enforcedAt, added: recorded.length > 0 };
  }
}

/** Nothing that this key signs counts any more. Tokens that are out live until they expire. */
export class RemoveApiUserKey extends Command<Change> {
  constructor(
    readonly id: string,
    readonly kid: string,
    readonly caller: Caller,
  ) {
    super();
  }
}

@CommandHandler(RemoveApiUserKey)
export class RemoveApiUserKeyHandler implements ICommandHandler<RemoveApiUserKey> {
  constructor(
    private readonly store: EventStore,
    private readonly enforcement: EnforcementView,
  ) {}

  async execute({ id, kid, caller }: RemoveApiUserKey): Promise<Change> {
    const decision = removeKey(kid, actorOf(caller));
    const { recorded, position } = await this.store.transact(apiUser, id, decision, appendContextOf(caller));
    return { position, enforcedAt: await this.enforcement.inForceSince(id, position, recorded.at(-1)?.id) };
  }
}

import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { Role } from '@rebelcore/contracts/roles';
import { Refused } from '@rebelcore/event-store/aggregate';
import { ClaimTaken, EventStore } from '@rebelcore/event-store/event-store';
import { newApiUserPassword, usernameOf } from '@rebelcore/credentials/api-user-password';
import { lookupKeys, makeVerifier, type Peppers } from '@rebelcore/credentials/verifier';
import { createHash, randomUUIDv7 as uuid } from 'node:crypto';
import { actorOf, appendContextOf, type Caller } from '../access/caller.js';
import { EnforcementView } from '../enforcement/enforcement.view.js';
import { isThere, portalUser } from '../portal-user/portal-user.js';
import { Roles, told } from '../role/roles.js';
import {
  apiUser,
  changeRole,
  confinementTold,
  deactivate,
  isRequestOf,
  mint,
  reactivate,
  type ApiUser,
  type MintRequest,
} from './api-user.js';
import { PASSWORD } from './password-names.js';

export interface MintedApiUser {
  readonly id: string;
  readonly username: string;
  /** Only in the first answer to an Idempotency-Key. */
  readonly password?: string;
  readonly role: Pick<Role, 'id' | 'name'>;
  readonly createdAt: Date;
  readonly position: number;
  /** When `/authorize` began to accept it; undefined when that was not confirmed in time. */
  readonly enforcedAt: Date | undefined;
}

/** A new API user with a password that is never seen again. */
export class MintApiUser extends Command<MintedApiUser> {
  constructor(
    readonly request: MintRequest,
    readonly idempotencyKey: string,
    readonly caller: Caller,
  ) {
    super();
  }
}

/** Where the handler finds the peppers; a class, so that it can be injected by type. */
export class PepperSource {
  constructor(readonly peppers: Peppers) {}
}

@CommandHandler(MintApiUser)
export class MintApiUserHandler implements ICommandHandler<MintApiUser> {
  constructor(
    private readonly store: EventStore,
    private readonly roles: Roles,
    private readonly enforcement: EnforcementView,
    private readonly peppers: PepperSource,
  ) {}

  async execute(command: MintApiUser): Promise<MintedApiUser> {
    const claim = idempotencyClaim(command.caller.customerId, command.idempotencyKey);
    const earlier = await this.replay(command, claim);
    if (earlier) return earlier;
    try {
      return await this.mintNew(command, claim);
    } catch (error) {
      if (!(error instanceof ClaimTaken)) throw error;
      // The same request came twice at the same moment, and this one was second.
      const first = await this.replay(command, claim);
      if (first) return first;
      throw error;
    }
  }

  private mintNew({ request, caller }: MintApiUser, claim: IdempotencyClaim): Promise<MintedApiUser> {
    const { customerId } = caller;
    return this.roles.giving(customerId, request.roleId, unknownRole, async (role) => {
      const { label, replaces, keys, confinement } = request;
      const replaced = replaces === undefined ? undefined : await this.withPresentRole(replaces, customerId);

      const id = uuid();
      const username = usernameOf(id);
      const password = newApiUserPassword();
      const created = {
        apiUserId: id,
        customerId,
        username,
        role,
        ...(label !== undefined && { label }),
        ...(replaces !== undefined && { replaces }),
        ...confinementTold(confinement),
        actor: actorOf(caller),
      };
      const [lookupKey = ''] = lookupKeys(this.peppers.peppers, password);
      const decision = mint(created, makeVerifier(this.peppers.peppers, username, password), keys, replaced);
      const { recorded, position } = await this.store.transact(apiUser, id, decision, {
        ...appendContextOf(caller),
        claims: [
          { ...claim, streamId: id },
          { scope: PASSWORD, key: lookupKey, streamId: id },
        ],
      });
      const [event] = recorded;
      if (event === undefined) throw new Error('minting under a new id recorded nothing');
      const enforcedAt = await this.enforcement.inForceSince(id, position, event.id);
      return { id, username, password, role: named(role), createdAt: event.time, position, enforcedAt };
    });
  }

  private async withPresentRole(id: string, customerId: string): Promise<ApiUser> {
    const [{ state }, role] = await Promise.all([
      this.store.load(apiUser, id, customerId),
      this.roles.ofUser(customerId, id),
    ]);
    return state.status === 'none' || role === undefined ? state : { ...state, role: told(role) };
  }

  /** The answer to an earlier request with the same key; undefined when there was none. */
  private async replay({ request, caller }: MintApiUser, claim: IdempotencyClaim): Promise<MintedApiUser | undefined> {
    const claimed = await this.store.claimedBy(claim.scope, claim.key);
    if (claimed === undefined) return undefined;
    const { history } = await this.store.load(apiUser, claimed.streamId, caller.customerId);
    const [created] = history;
    if (created?.event.type !== 'ApiUserCreated' || !isRequestOf(created.event.data, request)) {
      throw new Refused('idempotency-key.reused', 'Idempotency-Key: was used with another body');
    }
    const { apiUserId: id, username, role } = created.event.data;
    const enforcedAt = await this.enforcement.inForceSince(id, created.sequence);
    return { id, username, role: named(role), createdAt: created.time, position: created.sequence, enforcedAt };
  }
}

const named = ({ id, name }: Pick<Role, 'id' | 'name'>) => ({ id, name });
const unknownRole = () => new Refused('api-user.unknown-role', 'role_id: is not a role of this customer');

interface IdempotencyClaim {
  readonly scope: string;
  readonly key: string;
}

const idempotencyClaim = (customerId: string, key: string): IdempotencyClaim => ({
  scope: 'api-user.idempotency-key',
  key: createHash('sha256').update(`${customerId}\n${key}`).digest('base64url'),
});

/** What a command has changed. */
export interface Change {
  readonly position: number;
  /** Since when the token service decides by it; undefined when that was not confirmed in time. */
  readonly enforcedAt: Date | undefined;
}

export interface StatusChange extends Change {
  readonly status: 'active' | 'inactive';
}

/**
 * Deactivating blocks every later `/authorize`, while tokens that are out live until they expire; reactivating lets the
 * API user authorize again.
 */
export class ChangeApiUserStatus extends Command<StatusChange> {
  constructor(
    readonly id: string,
    readonly to: StatusChange['status'],
    readonly caller: Caller,
  ) {
    super();
  }
}

@CommandHandler(ChangeApiUserStatus)
export class ChangeApiUserStatusHandler implements ICommandHandler<ChangeApiUserStatus> {
  constructor(
    private readonly store: EventStore,
    private readonly enforcement: EnforcementView,
  ) {}

  async execute({ id, to, caller }: ChangeApiUserStatus): Promise<StatusChange> {
    const change = to === 'active' ? reactivate : deactivate;
    try {
      const decision = change(actorOf(caller));
      const { recorded, position } = await this.store.transact(apiUser, id, decision, appendContextOf(caller));
      const enforcedAt = await this.enforcement.inForceSince(id, position, recorded.at(-1)?.id);
      return { status: to, position, enforcedAt };
    } catch (error) {
      // Only for an id that no API user has does it matter whose it is.
      if (error instanceof Refused && (await this.isOwner(id, caller))) {
        throw new Refused('portal-user.is-owner', 'The Customer Super Admin cannot be deactivated or reactivated.');
      }
      throw error;
    }
  }

  private async isOwner(id: string, caller: Caller): Promise<boolean> {
    const { state } = await this.store.load(portalUser, id, caller.customerId);
    return isThere(state) && state.owner;
  }
}

/** Another role for an API user; answers the position. Tokens that are out keep their claims, not what they may do. */
export class ChangeApiUserRole extends Command<number> {
  constructor(
    readonly id: string,
    readonly roleId: string,
    readonly caller: Caller,
  ) {
    super();
  }
}

@CommandHandler(ChangeApiUserRole)
export class ChangeApiUserRoleHandler implements ICommandHandler<ChangeApiUserRole> {
  constructor(
    private readonly store: EventStore,
    private readonly roles: Roles,
  ) {}

  execute({ id, roleId, caller }: ChangeApiUserRole): Promise<number> {
    return this.roles.giving(caller.customerId, roleId, unknownRole, async (to) => {
      const from = await this.roles.ofUser(caller.customerId, id);
      const decision = changeRole(from && told(from), to, actorOf(caller));
      const { position } = await this.store.transact(apiUser, id, decision, appendContextOf(caller));
      return position;
    });
  }
}

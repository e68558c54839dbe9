import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { Refused } from '@rebelcore/event-store/aggregate';
import { ClaimTaken, EventStore } from '@rebelcore/event-store/event-store';
import { randomUUIDv7 as uuid } from 'node:crypto';
import { actorOf, appendContextOf, type Caller } from '../access/caller.js';
import { Roles } from '../role/roles.js';
import { emailClaim } from './email.js';
import { inviteClaim, Invitations } from './invitations.js';
import { deactivate, invite, portalUser, reactivate, remove, type PersonalData } from './portal-user.js';

export interface InvitedPerson extends PersonalData {
  readonly roleId: string;
  /** The status that setting the password leads to. */
  readonly becomes: 'active' | 'inactive';
}

/** A portal user who is mailed a link to set a password with. Answers the id and the position. */
export class InvitePortalUser extends Command<{ readonly id: string; readonly position: number }> {
  constructor(
    readonly person: InvitedPerson,
    readonly caller: Caller,
  ) {
    super();
  }
}

@CommandHandler(InvitePortalUser)
export class InvitePortalUserHandler implements ICommandHandler<InvitePortalUser> {
  constructor(
    private readonly store: EventStore,
    private readonly roles: Roles,
    private readonly invitations: Invitations,
  ) {}

  execute({ person, caller }: InvitePortalUser): Promise<{ id: string; position: number }> {
    const { roleId, becomes, ...details } = person;
    const { customerId } = caller;
    return this.roles.giving(customerId, roleId, unknownRole, async (role) => {
      const id = uuid();
      const invitation = this.invitations.make(id);
      const invited = { portalUserId: id, customerId, owner: false, role, becomes, actor: actorOf(caller) };
      const names = [emailClaim(details.email), inviteClaim(invitation.tokenKey)];
      const context = { ...appendContextOf(caller), claims: names.map((name) => ({ ...name, streamId: id })) };
      try {
        const { position } = await this.store.transact(portalUser, id, invite(invited, details, invitation), context);
        return { id, position };
      } catch (error) {
        throw error instanceof ClaimTaken ? emailTaken() : error;
      }
    });
  }
}

/** Somebody inactive is signed out at once and cannot sign in. Answers the position. */
export class ChangePortalUserStatus extends Command<number> {
  constructor(
    readonly id: string,
    readonly to: 'active' | 'inactive',
    readonly caller: Caller,
  ) {
    super();
  }
}

@CommandHandler(ChangePortalUserStatus)
export class ChangePortalUserStatusHandler implements ICommandHandler<ChangePortalUserStatus> {
  constructor(private readonly store: EventStore) {}

  async execute({ id, to, caller }: ChangePortalUserStatus): Promise<number> {
    const change = to === 'active' ? reactivate : deactivate;
    return (await this.store.transact(portalUser, id, change(actorOf(caller)), appendContextOf(caller))).position;
  }
}

/** Name, address and password are gone afterwards; what the person did stays in the log under its id. Answers the position. */
export class DeletePortalUser extends Command<number> {
  constructor(
    readonly id: string,
    readonly caller: Caller,
  ) {
    super();
  }
}

@CommandHandler(DeletePortalUser)
export class DeletePortalUserHandler implements ICommandHandler<DeletePortalUser> {
  constructor(private readonly store: EventStore) {}

  async execute({ id, caller }: DeletePortalUser): Promise<number> {
    return (await this.store.transact(portalUser, id, remove(actorOf(caller)), appendContextOf(caller))).position;
  }
}

export const unknownRole = () => new Refused('portal-user.unknown-role', 'role_id: is not a role of this customer');
export const emailTaken = () => new Refused('portal-user.email-taken', 'email: is in use already');

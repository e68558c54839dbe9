import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { entitiesWithinCustomer } from '@rebelcore/event-store/customer-scope';
import { ClaimTaken, EventStore, toStream, VersionConflict } from '@rebelcore/event-store/event-store';
import { DataSource } from 'typeorm';
import { actorOf, appendContextOf, type Caller } from '../access/caller.js';
import { Roles, told } from '../role/roles.js';
import { emailClaim } from './email.js';
import { inviteClaim, Invitations } from './invitations.js';
import { Person } from './person.entity.js';
import { emailTaken, unknownRole } from './portal-user.commands.js';
import { edit, portalUser, type Detail, type Edit, type PersonalData } from './portal-user.js';

export type PortalUserChanges = { readonly [detail in keyof PersonalData | 'roleId']?: string | undefined };

/** Other details or another role for a portal user; whatever is not named stays. Answers the position. */
export class EditPortalUser extends Command<number> {
  constructor(
    readonly id: string,
    readonly changes: PortalUserChanges,
    readonly caller: Caller,
  ) {
    super();
  }
}

// Each attempt follows an edit of the same person that somebody else has made in between.
const MAX_ATTEMPTS = 10;

@CommandHandler(EditPortalUser)
export class EditPortalUserHandler implements ICommandHandler<EditPortalUser> {
  constructor(
    private readonly store: EventStore,
    private readonly roles: Roles,
    private readonly invitations: Invitations,
    private readonly dataSource: DataSource,
  ) {}

  execute(command: EditPortalUser): Promise<number> {
    const { roleId, ...changes } = command.changes;
    if (roleId === undefined) return this.editTo(command, changes, undefined);
    return this.roles.giving(command.caller.customerId, roleId, unknownRole, (role) =>
      this.editTo(command, changes, role),
    );
  }

  private async editTo(command: EditPortalUser, changes: PortalUserChanges, newRole: Edit['newRole']): Promise<number> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.edit(command, changes, newRole);
      } catch (error) {
        if (error instanceof ClaimTaken) throw emailTaken();
        if (!(error instanceof VersionConflict) || attempt === MAX_ATTEMPTS) throw error;
      }
    }
  }

  /** The details are read after the version that they are changed on, so that nobody changes them in between. */
  private async edit(
    { id, caller }: EditPortalUser,
    changes: PortalUserChanges,
    newRole: Edit['newRole'],
  ): Promise<number> {
    const { customerId } = caller;
    const { state, history } = await this.store.load(portalUser, id, customerId);
    const before = await entitiesWithinCustomer(this.dataSource, customerId, (entities) =>
      entities.findOneBy(Person, { customerId, portalUserId: id }),
    );
    const person = {
      email: changes.email ?? before?.email ?? '',
      firstName: changes.firstName ?? before?.firstName ?? '',
      lastName: changes.lastName ?? before?.lastName ?? '',
    };
    const changed = before === null ? [] : differences(before, person);
    const invitation = state.status === 'invited' && changed.includes('email') ? this.invitations.make(id) : undefined;
    const role = await this.roles.ofUser(customerId, id);
    const decision = edit(actorOf(caller), { changed, person, role: role && told(role), newRole, invitation });
    const events = decision(state);
    if (events.length === 0) return history.at(-1)?.sequence ?? 0;

    const names = invitation === undefined ? [] : [inviteClaim(invitation.tokenKey)];
    const email = emailClaim(person.email);
    if (before !== null && emailClaim(before.email).key !== email.key) names.push(email);
    const recorded = await this.store.append([toStream(portalUser, id, history.length, events)], {
      ...appendContextOf(caller),
      claims: names.map((name) => ({ ...name, streamId: id })),
    });
    return recorded.at(-1)?.sequence ?? 0;
  }
}

function differences(before: PersonalData, after: PersonalData): Detail[] {
  const changed: Detail[] = [];
  if (before.firstName !== after.firstName) changed.push('first_name');
  if (before.lastName !== after.lastName) changed.push('last_name');
  if (before.email !== after.email) changed.push('email');
  return changed;
}

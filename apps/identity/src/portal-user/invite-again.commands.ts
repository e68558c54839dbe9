import { Injectable } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { Actor } from '@rebelcore/contracts/identity-events';
import { entitiesWithinCustomer } from '@rebelcore/event-store/customer-scope';
import type { AppendContext } from '@rebelcore/event-store/append-statement';
import { ClaimTaken, EventStore, toStream, VersionConflict } from '@rebelcore/event-store/event-store';
import { DataSource } from 'typeorm';
import { actorOf, appendContextOf, type Caller } from '../access/caller.js';
import { Roles, told } from '../role/roles.js';
import { emailClaim } from './email.js';
import { inviteClaim, Invitations } from './invitations.js';
import { Person } from './person.entity.js';
import { emailTaken } from './portal-user.commands.js';
import { inviteAgain, portalUser, type InviteAgain as Again, type PersonalData } from './portal-user.js';

// Each attempt follows a change of the same person that somebody else has made in between.
const MAX_ATTEMPTS = 10;

/** Mails fresh links to people who have no password. */
@Injectable()
export class FreshLinks {
  constructor(
    private readonly store: EventStore,
    private readonly invitations: Invitations,
    private readonly dataSource: DataSource,
  ) {}

  /** Answers the position. */
  async mail(id: string, by: Actor, to: Pick<Again, 'role' | 'person'>, context: AppendContext): Promise<number> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.mailOnce(id, by, to, context);
      } catch (error) {
        if (error instanceof ClaimTaken) throw emailTaken();
        if (!(error instanceof VersionConflict) || attempt === MAX_ATTEMPTS) throw error;
      }
    }
  }

  /** What is kept is read after the version that is decided on, so that nobody sets a password in between. */
  private async mailOnce(
    id: string,
    by: Actor,
    { role, person }: Pick<Again, 'role' | 'person'>,
    context: AppendContext,
  ): Promise<number> {
    const { customerId } = context;
    const { state, history } = await this.store.load(portalUser, id, customerId);
    const stored = await entitiesWithinCustomer(this.dataSource, customerId, (entities) =>
      entities.findOne(Person, {
        select: { portalUserId: true, passwordHash: true },
        where: { customerId, portalUserId: id },
      }),
    );
    const kept = { address: stored !== null, password: typeof stored?.passwordHash === 'string' };
    const invitation = this.invitations.make(id);
    const events = inviteAgain(by, { invitation, role, kept, person })(state);
    const names = [inviteClaim(invitation.tokenKey), ...(person === undefined ? [] : [emailClaim(person.email)])];
    const claims = names.map((name) => ({ ...name, streamId: id }));
    const recorded = await this.store.append([toStream(portalUser, id, history.length, events)], {
      ...context,
      claims,
    });
    return recorded.at(-1)?.sequence ?? 0;
  }
}

/** A fresh link by mail; the older one is void. Answers the position. */
export class InviteAgain extends Command<number> {
  constructor(
    readonly id: string,
    /** Of somebody of whom name and address are lost. */
    readonly person: PersonalData | undefined,
    readonly caller: Caller,
  ) {
    super();
  }
}

@CommandHandler(InviteAgain)
export class InviteAgainHandler implements ICommandHandler<InviteAgain> {
  constructor(
    private readonly roles: Roles,
    private readonly links: FreshLinks,
  ) {}

  async execute({ id, person, caller }: InviteAgain): Promise<number> {
    const role = await this.roles.ofUser(caller.customerId, id);
    return this.links.mail(id, actorOf(caller), { role: role && told(role), person }, appendContextOf(caller));
  }
}

import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { withinCustomer } from '@rebelcore/event-store/customer-scope';
import { EventStore } from '@rebelcore/event-store/event-store';
import type { RequestContext } from '@rebelcore/service/correlation';
import { Pool } from 'pg';
import { PortalPasswords } from '../passwords/portal-passwords.js';
import { inviteClaim, tokenKeyOf } from './invitations.js';
import { accept, linkNotValid, portalUser } from './portal-user.js';

/** Sets the password of whoever holds the link. Answers the position. */
export class AcceptInvite extends Command<number> {
  constructor(
    readonly token: string,
    readonly password: string,
    /** For limits, see `networkOf`. */
    readonly source: string,
    readonly context: RequestContext,
  ) {
    super();
  }
}

@CommandHandler(AcceptInvite)
export class AcceptInviteHandler implements ICommandHandler<AcceptInvite> {
  constructor(
    private readonly store: EventStore,
    private readonly pool: Pool,
    private readonly passwords: PortalPasswords,
  ) {}

  /** @throws {Refused} `invite.not-valid` for a link that was used, is too old, was replaced or never existed */
  async execute({ token, password, source, context }: AcceptInvite): Promise<number> {
    const tokenKey = tokenKeyOf(token);
    const { scope, key } = inviteClaim(tokenKey);
    const holder = await this.store.claimedBy(scope, key);
    const invitation = holder && (await this.validInvitation(holder.customerId, holder.streamId, tokenKey));
    // Only a valid link is worth the work of hashing.
    if (holder === undefined || invitation === undefined) throw linkNotValid();
    const decision = accept(invitation, await this.passwords.hash(password, source));
    const appendContext = { ...context, customerId: holder.customerId };
    return (await this.store.transact(portalUser, holder.streamId, decision, appendContext)).position;
  }

  private validInvitation(customerId: string, portalUserId: string, tokenKey: string): Promise<number | undefined> {
    return withinCustomer(this.pool, customerId, async (tx) => {
      const { rows } = await tx.query<{ invitation: number }>({
        name: 'invite.valid',
        text: `select invitation from portal_user_invite
               where customer_id = $1 and portal_user_id = $2 and token_key = $3 and expires_at > now()`,
        values: [customerId, portalUserId, tokenKey],
      });
      return rows[0]?.invitation;
    });
  }
}

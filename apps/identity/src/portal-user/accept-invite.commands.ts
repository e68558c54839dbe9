import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { withinCustomer } from '@rebelcore/event-store/customer-scope';
import { Refused } from '@rebelcore/event-store/aggregate';
import { EventStore } from '@rebelcore/event-store/event-store';
import type { RequestContext } from '@rebelcore/service/correlation';
import { Pool } from 'pg';
import { QueueFull } from '../passwords/fair-queue.js';
import { PortalPasswords } from '../passwords/portal-passwords.js';
import { inviteClaim, tokenKeyOf } from './invitations.js';
import { accept, linkNotValid, portalUser } from './portal-user.js';

/** Why nobody's password was set, and whose it is: for the record, not for the caller. */
export interface NotAccepted {
  readonly because: Refused | QueueFull;
  readonly customerId: string;
  readonly portalUserId: string;
}

/** Sets the password of whoever holds the link. Answers the position. */
export class AcceptInvite extends Command<number | NotAccepted> {
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

  /** @throws {Refused} `invite.not-valid` for a link that was used, was replaced or never existed, and so is nobody's */
  async execute(command: AcceptInvite): Promise<number | NotAccepted> {
    const tokenKey = tokenKeyOf(command.token);
    const { scope, key } = inviteClaim(tokenKey);
    const holder = await this.store.claimedBy(scope, key);
    if (holder === undefined) throw linkNotValid();
    const { customerId, streamId: portalUserId } = holder;
    try {
      return await this.setPassword(customerId, portalUserId, tokenKey, command);
    } catch (error) {
      if (!(error instanceof Refused || error instanceof QueueFull)) throw error;
      return { because: error, customerId, portalUserId };
    }
  }

  private async setPassword(
    customerId: string,
    portalUserId: string,
    tokenKey: string,
    { password, source, context }: AcceptInvite,
  ): Promise<number> {
    const invitation = await this.validInvitation(customerId, portalUserId, tokenKey);
    // Only a valid link is worth the work of hashing.
    if (invitation === undefined) throw linkNotValid();
    const decision = accept(invitation, await this.passwords.hash(password, source));
    return (await this.store.transact(portalUser, portalUserId, decision, { ...context, customerId })).position;
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

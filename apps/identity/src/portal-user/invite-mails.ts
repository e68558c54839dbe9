import { withinCustomer } from '@rebelcore/event-store/customer-scope';
import { type EventStore } from '@rebelcore/event-store/event-store';
import type { Pool } from 'pg';
import { customer } from '../customer/customer.js';
import type { IdentityConfig } from '../identity.config.js';
import { PAUSE, takeDue, type ComposedMail, type MailQueue, type WaitingMail } from '../mail/mailer.js';
import { inviteMail } from './invite-mail.js';
import { type Invitations } from './invitations.js';

const TAKE = takeDue('invite_mail', 'portal_user_id', 'sealed_token');

interface Waiting {
  readonly customer_id: string;
  readonly portal_user_id: string;
  readonly sealed_token: Buffer;
  readonly attempts: number;
}

interface Addressee {
  readonly email: string;
  readonly first_name: string;
  readonly last_name: string;
  readonly expires_at: Date;
}

/** The invitations that wait in `invite_mail`, for as long as their links are valid. */
export class InviteMails implements MailQueue {
  constructor(
    private readonly pool: Pool,
    private readonly store: EventStore,
    private readonly invitations: Invitations,
    private readonly config: Pick<IdentityConfig, 'PUBLIC_URL'>,
  ) {}

  async take(): Promise<WaitingMail | undefined> {
    const [mail] = (await this.pool.query<Waiting>({ name: 'invite-mail.take', text: TAKE })).rows;
    if (mail === undefined) return undefined;
    return {
      about: { mail: 'invitation', customerId: mail.customer_id, portalUserId: mail.portal_user_id },
      attempts: mail.attempts,
      compose: () => this.compose(mail),
      remove: () => this.remove(mail),
      postpone: (givenUp) => this.postpone(mail, givenUp),
    };
  }

  private async compose(mail: Waiting): Promise<ComposedMail | undefined> {
    const { customer_id: customerId, portal_user_id: portalUserId, sealed_token: sealedToken } = mail;
    const addressee = await this.addresseeOf(mail);
    if (addressee === undefined) return undefined;
    const { email, first_name: firstName, last_name: lastName, expires_at: expiresAt } = addressee;
    const { state } = await this.store.load(customer, customerId, customerId);
    const token = this.invitations.tokenOf(portalUserId, sealedToken);
    const text = inviteMail({
      firstName,
      customerName: state.status === 'none' ? '' : state.name,
      link: `${this.config.PUBLIC_URL}/invite#${token}`,
      expiresAt,
    });
    return { ...text, to: { name: `${firstName} ${lastName}`, address: email } };
  }

  /** Undefined when the link has run out, so that nobody would have a use for it. */
  private addresseeOf({ customer_id, portal_user_id }: Waiting): Promise<Addressee | undefined> {
    return withinCustomer(this.pool, customer_id, async (tx) => {
      const { rows } = await tx.query<Addressee>({
        name: 'invite-mail.addressee',
        text: `select p.email, p.first_name, p.last_name, i.expires_at
               from portal_user_private p join portal_user_invite i using (customer_id, portal_user_id)
               where p.customer_id = $1 and p.portal_user_id = $2 and i.expires_at > now()`,
        values: [customer_id, portal_user_id],
      });
      return rows[0];
    });
  }

  /** Not a mail with a fresh link, which has taken the place of this one meanwhile. */
  private async remove({ customer_id, portal_user_id, sealed_token }: Waiting): Promise<void> {
    await this.pool.query({
      name: 'invite-mail.remove',
      text: 'delete from invite_mail where customer_id = $1 and portal_user_id = $2 and sealed_token = $3',
      values: [customer_id, portal_user_id, sealed_token],
    });
  }

  private async postpone({ customer_id, portal_user_id, sealed_token }: Waiting, givenUp: boolean): Promise<void> {
    await this.pool.query({
      name: 'invite-mail.postpone',
      text: `update invite_mail set due_at = now() + ${PAUSE}, given_up_at = case when $4 then now() end
             where customer_id = $1 and portal_user_id = $2 and sealed_token = $3`,
      values: [customer_id, portal_user_id, sealed_token, givenUp],
    });
  }
}

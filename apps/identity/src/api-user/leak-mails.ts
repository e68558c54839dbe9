import { withinCustomer } from '@rebelcore/event-store/customer-scope';
import type { Pool } from 'pg';
import type { IdentityConfig } from '../identity.config.js';
import { inWords, mailText, type MailText } from '../mail/mail-text.js';
import { PAUSE, takeDue, type ComposedMail, type MailQueue, type WaitingMail } from '../mail/mailer.js';

const TAKE = takeDue('leak_mail', 'api_user_id', 'reported_at');

interface Waiting {
  readonly customer_id: string;
  readonly api_user_id: string;
  readonly reported_at: Date;
  readonly attempts: number;
}

interface Told {
  readonly email: string;
  readonly first_name: string;
  readonly last_name: string;
  readonly username: string;
  readonly label: string | null;
}

/** Tells the Customer Super Admin that an API user was switched off because its password has leaked. */
export class LeakMails implements MailQueue {
  constructor(
    private readonly pool: Pool,
    private readonly config: Pick<IdentityConfig, 'PUBLIC_URL'>,
  ) {}

  async take(): Promise<WaitingMail | undefined> {
    const [mail] = (await this.pool.query<Waiting>({ name: 'leak-mail.take', text: TAKE })).rows;
    if (mail === undefined) return undefined;
    const { customer_id, api_user_id, attempts } = mail;
    const values = [customer_id, api_user_id];
    return {
      about: { mail: 'leak', customerId: customer_id, apiUserId: api_user_id },
      attempts,
      compose: () => this.compose(mail),
      remove: async () => {
        const text = 'delete from leak_mail where customer_id = $1 and api_user_id = $2';
        await this.pool.query({ name: 'leak-mail.remove', text, values });
      },
      postpone: async (givenUp) => {
        const text = `update leak_mail set due_at = now() + ${PAUSE}, given_up_at = case when $3 then now() end
                      where customer_id = $1 and api_user_id = $2`;
        await this.pool.query({ name: 'leak-mail.postpone', text, values: [...values, givenUp] });
      },
    };
  }

  private async compose({ customer_id, api_user_id, reported_at }: Waiting): Promise<ComposedMail | undefined> {
    const told = await withinCustomer(this.pool, customer_id, async (tx) => {
      const { rows } = await tx.query<Told>({
        name: 'leak-mail.told',
        text: `select p.email, p.first_name, p.last_name, u.username, u.label
               from user_v1 u
               join user_v1 o on o.customer_id = u.customer_id and o.owner
               join portal_user_private p on p.customer_id = o.customer_id and p.portal_user_id = o.id
               where u.customer_id = $1 and u.id = $2`,
        values: [customer_id, api_user_id],
      });
      return rows[0];
    });
    if (told === undefined) return undefined;
    const { email, first_name, last_name, username, label } = told;
    const link = `${this.config.PUBLIC_URL}/users?user=${api_user_id}`;
    return {
      ...leakMail({ firstName: first_name, username, label, link, at: reported_at }),
      to: { name: `${first_name} ${last_name}`, address: email },
    };
  }
}

interface LeakMail {
  readonly firstName: string;
  readonly username: string;
  readonly label: string | null;
  readonly link: string;
  readonly at: Date;
}

function leakMail({ firstName, username, label, link, at }: LeakMail): MailText {
  const name = label === null ? username : `“${label}” (${username})`;
  return mailText('The password of an API user has leaked', [
    `Hello ${firstName},`,
    `somebody found the password of the API user ${name} in the open and reported it on ${inWords(at)}. The API user was switched off at once and cannot be switched on again.`,
    { label: 'See it in the portal', href: link },
    'Tokens that it was issued before stay valid for up to 24 hours. Its application needs a new API user, and the place where the password lay needs a look: what lay beside it may be known too.',
  ]);
}

import { Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { withinCustomer } from '@rebelcore/event-store/customer-scope';
import { type EventStore } from '@rebelcore/event-store/event-store';
import { within } from '@rebelcore/messaging/deadline';
import type { HealthCheck } from '@rebelcore/service/health';
import { createTransport, type Transporter } from 'nodemailer';
import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import { customer } from '../customer/customer.js';
import type { IdentityConfig } from '../identity.config.js';
import { inviteMail } from './invite-mail.js';
import { type Invitations } from './invitations.js';

const POLL_MS = 1_000;
/** What one mail may take. Another replica takes it up no earlier than {@link LEASE}. */
const SEND_WITHIN_MS = 30_000;
const LEASE = `interval '60 seconds'`;
/** How often an address may refuse a mail for good before it is given up. */
const MAX_REFUSALS = 5;

/** Doubled with each attempt: 1 s, 2 s, 4 s … a quarter of an hour. */
const PAUSE = `least(power(2, attempts - 1), 900) * interval '1 second'`;

/** Taken by one replica, which holds it by the lease and not by a transaction: a mail server may take its time. */
const TAKE = `
  with due as materialized (
    select customer_id, portal_user_id from invite_mail where due_at <= now() and given_up_at is null
    order by due_at limit 1 for update skip locked
  )
  update invite_mail m set attempts = m.attempts + 1, due_at = now() + ${LEASE} from due
  where m.customer_id = due.customer_id and m.portal_user_id = due.portal_user_id
  returning m.customer_id, m.portal_user_id, m.sealed_token, m.attempts`;

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

/**
 * Sends the mails that wait in `invite_mail`, at least once, and deletes what was sent. A mail server that is away loses
 * none: they are tried again, with growing pauses, for as long as the link is valid. What the address itself refuses
 * again and again is given up, which the log, the health figures and the list of users say.
 */
export class InviteMailer implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('InviteMailer');
  private readonly stopping = new AbortController();
  private readonly transport: Transporter | undefined;
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly pool: Pool,
    private readonly store: EventStore,
    private readonly invitations: Invitations,
    private readonly config: Pick<IdentityConfig, 'SMTP_URL' | 'MAIL_FROM' | 'PUBLIC_URL'>,
  ) {
    const { SMTP_URL: url } = config;
    // Nothing is asked of the server before there is a mail, so it may be away when this process starts.
    this.transport =
      url === undefined
        ? undefined
        : createTransport({
            url,
            connectionTimeout: 5_000,
            greetingTimeout: 5_000,
            socketTimeout: 15_000,
            disableFileAccess: true,
            disableUrlAccess: true,
          });
  }

  onApplicationBootstrap(): void {
    const { transport } = this;
    if (transport !== undefined) this.running = this.run(transport);
  }

  /** A mail that is on its way has five seconds; if it took longer it is sent again after the next start. */
  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await within(5_000, this.running, () => new Error('a mail is still being sent')).catch(() => undefined);
  }

  private async run(transport: Transporter): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const more = await this.sendNext(transport).catch((error: unknown) => {
        if (!signal.aborted) this.logger.warn({ err: error, msg: 'the mails that wait could not be read' });
        return false;
      });
      if (!more) await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** False when none is due. */
  private async sendNext(transport: Transporter): Promise<boolean> {
    const [mail] = (await this.pool.query<Waiting>({ name: 'invite-mail.take', text: TAKE })).rows;
    if (mail === undefined) return false;
    const addressee = await this.addresseeOf(mail);
    if (addressee === undefined) await this.postpone(mail, true);
    else await this.send(transport, mail, addressee);
    return true;
  }

  private async send(transport: Transporter, mail: Waiting, addressee: Addressee): Promise<void> {
    const { customer_id: customerId, portal_user_id: portalUserId, sealed_token: sealedToken, attempts } = mail;
    try {
      const token = this.invitations.tokenOf(portalUserId, sealedToken);
      const { state } = await this.store.load(customer, customerId, customerId);
      const text = inviteMail({
        firstName: addressee.first_name,
        customerName: state.status === 'none' ? '' : state.name,
        link: `${this.config.PUBLIC_URL}/invite#${token}`,
        expiresAt: addressee.expires_at,
      });
      const sending = transport.sendMail({
        ...text,
        from: this.config.MAIL_FROM,
        to: { name: `${addressee.first_name} ${addressee.last_name}`, address: addressee.email },
        headers: { 'Auto-Submitted': 'auto-generated' },
      });
      await within(SEND_WITHIN_MS, sending, () => new Error('the mail server took too long'));
    } catch (error) {
      // Of a mail server's answer only the numbers: its words repeat the address.
      const { code = 'none', responseCode = 0 } = error as { code?: string; responseCode?: number };
      const givenUp = isRefusal(code, responseCode) && attempts >= MAX_REFUSALS;
      await this.postpone(mail, givenUp);
      const msg = givenUp ? 'an invitation cannot be delivered and is given up' : 'an invitation could not be sent yet';
      this.logger.warn({ customerId, portalUserId, attempts, code, responseCode, msg });
      return;
    }
    await this.remove(mail);
  }

  /** Undefined when the link has run out, so that nobody would have a use for it. */
  private addresseeOf({
    customer_id: customerId,
    portal_user_id: portalUserId,
  }: Waiting): Promise<Addressee | undefined> {
    return withinCustomer(this.pool, customerId, async (tx) => {
      const { rows } = await tx.query<Addressee>({
        name: 'invite-mail.addressee',
        text: `select p.email, p.first_name, p.last_name, i.expires_at
               from portal_user_private p join portal_user_invite i using (customer_id, portal_user_id)
               where p.customer_id = $1 and p.portal_user_id = $2 and i.expires_at > now()`,
        values: [customerId, portalUserId],
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

/** The server will not take this mail, whoever asks; a sign-in that it refuses is a fault of the configuration. */
const isRefusal = (code: string, responseCode: number): boolean =>
  responseCode >= 500 && (code === 'EENVELOPE' || code === 'EMESSAGE');

/** Figures of the mails. A mail server that is away, or an address that does not exist, takes no replica out of rotation. */
export const mailHealth = (pool: Pool, config: Pick<IdentityConfig, 'SMTP_URL'>): HealthCheck => ({
  name: 'mail',
  check: async () => {
    const { rows } = await pool.query<{ waiting: number; tried: number; givenUp: number }>(
      `select count(*) filter (where given_up_at is null)::int as waiting,
              count(*) filter (where given_up_at is null and attempts > 0)::int as tried,
              count(*) filter (where given_up_at is not null)::int as "givenUp"
       from invite_mail`,
    );
    return { ready: true, configured: config.SMTP_URL !== undefined, ...rows[0] };
  },
});

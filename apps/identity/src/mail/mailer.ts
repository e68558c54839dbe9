import { Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { within } from '@rebelcore/messaging/deadline';
import type { HealthCheck } from '@rebelcore/service/health';
import { createTransport, type Transporter } from 'nodemailer';
import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { IdentityConfig } from '../identity.config.js';
import type { MailText } from './mail-text.js';

const POLL_MS = 1_000;
/** What one mail may take. Another replica takes it up no earlier than {@link LEASE}. */
const SEND_WITHIN_MS = 30_000;
const LEASE = `interval '60 seconds'`;
/** How often an address may refuse a mail for good before it is given up. */
const MAX_REFUSALS = 5;

/** Doubled with each attempt: 1 s, 2 s, 4 s … a quarter of an hour. */
export const PAUSE = `least(power(2, attempts - 1), 900) * interval '1 second'`;

/** One that this replica has taken, for as long as a lease: a mail server may take its time. */
export interface WaitingMail {
  /** Which one, for the log: ids. */
  readonly about: Readonly<Record<string, string>>;
  /** This one included. */
  readonly attempts: number;
  /** Undefined when nobody would have a use for it any more. */
  compose(): Promise<ComposedMail | undefined>;
  remove(): Promise<void>;
  postpone(givenUp: boolean): Promise<void>;
}

export interface ComposedMail extends MailText {
  readonly to: { readonly name: string; readonly address: string };
}

/** A table in which mails wait. */
export interface MailQueue {
  take(): Promise<WaitingMail | undefined>;
}

/**
 * SQL that takes the mail that is due longest, by a lease and not by a transaction, and answers with whose it is, this column
 * of it and its attempts. `subject`: the column that names whom or what it is about, within its customer.
 */
export const takeDue = (table: string, subject: string, content: string): string => `
  with due as materialized (
    select customer_id, ${subject} from ${table} where due_at <= now() and given_up_at is null
    order by due_at limit 1 for update skip locked
  )
  update ${table} m set attempts = m.attempts + 1, due_at = now() + ${LEASE} from due
  where m.customer_id = due.customer_id and m.${subject} = due.${subject}
  returning m.customer_id, m.${subject}, m.${content}, m.attempts`;

/**
 * Sends the mails that wait, at least once, and deletes what was sent. A mail server that is away loses none: they are tried again,
 * with growing pauses. What the address itself refuses again and again is given up, which the log and the health figures say.
 */
export class Mailer implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Mailer');
  private readonly stopping = new AbortController();
  private readonly transport: Transporter | undefined;
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly queues: readonly MailQueue[],
    private readonly config: Pick<IdentityConfig, 'SMTP_URL' | 'MAIL_FROM'>,
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
      let more = false;
      for (const queue of this.queues) {
        const sent = await this.sendNext(transport, queue).catch((error: unknown) => {
          if (!signal.aborted) this.logger.warn({ err: error, msg: 'the mails that wait could not be read' });
          return false;
        });
        more ||= sent;
      }
      if (!more) await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** False when none is due. */
  private async sendNext(transport: Transporter, queue: MailQueue): Promise<boolean> {
    const mail = await queue.take();
    if (mail === undefined) return false;
    try {
      const composed = await mail.compose();
      if (composed === undefined) {
        await mail.postpone(true);
        return true;
      }
      const sending = transport.sendMail({
        ...composed,
        to: { ...composed.to },
        from: this.config.MAIL_FROM,
        headers: { 'Auto-Submitted': 'auto-generated' },
      });
      await within(SEND_WITHIN_MS, sending, () => new Error('the mail server took too long'));
    } catch (error) {
      // Of a mail server's answer only the numbers: its words repeat the address.
      const { code = 'none', responseCode = 0 } = error as { code?: string; responseCode?: number };
      const { about, attempts } = mail;
      const givenUp = isRefusal(code, responseCode) && attempts >= MAX_REFUSALS;
      await mail.postpone(givenUp);
      const msg = givenUp ? 'a mail cannot be delivered and is given up' : 'a mail could not be sent yet';
      this.logger.warn({ ...about, attempts, code, responseCode, msg });
      return true;
    }
    await mail.remove();
    return true;
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
       from (select attempts, given_up_at from invite_mail union all select attempts, given_up_at from leak_mail) mail`,
    );
    return { ready: true, configured: config.SMTP_URL !== undefined, ...rows[0] };
  },
});

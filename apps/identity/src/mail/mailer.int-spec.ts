import { EventStore } from '@rebelcore/event-store/event-store';
import { until } from '@rebelcore/testing/until';
import { Pool } from 'pg';
import { AGENT_ROLE, idOf, IdentityFixture, someEmail, type TestCustomer } from '../identity.fixture-spec.js';
import { Invitations } from '../portal-user/invitations.js';
import { InviteMails } from '../portal-user/invite-mails.js';
import { MailServer } from '../portal-user/mail-server.fixture-spec.js';
import { Mailer } from './mailer.js';

let mail: MailServer;
let identity: IdentityFixture;
let acme: TestCustomer;
beforeAll(async () => {
  mail = await MailServer.start();
  // The service starts although no mail server is there.
  await mail.goAway();
  identity = await IdentityFixture.start({ SMTP_URL: mail.url, MAIL_FROM: 'no-reply@portal.test' });
  acme = await identity.customer();
});
afterAll(async () => {
  await identity.stop();
  await mail.goAway();
});

const invite = async (email: string, customer = acme) =>
  idOf(
    await customer.call('POST', '/api/v1/users', {
      body: { first_name: 'Bob', last_name: 'Byte', email, role_id: AGENT_ROLE },
    }),
  );
const figures = async () => {
  const { body } = await identity.call('GET', '/health/ready');
  return (body.checks as unknown as Record<string, Record<string, unknown>>).mail;
};
const delivery = async (id: string) => {
  const { body } = await acme.call('GET', `/api/v1/users/${id}`);
  return (body.invite as unknown as { delivery: string }).delivery;
};
const dueNow = () => identity.database.asOwner('update invite_mail set due_at = now()');

describe('a mail', () => {
  it('waits while the mail server is away, and is sent once it is back', async () => {
    expect((await identity.call('GET', '/health/ready')).status).toBe(200);
    const emails = [someEmail(), someEmail(), someEmail()];
    const ids = await Promise.all(emails.map((email) => invite(email)));
    await until(async () => (await figures())?.tried === 3, 'each to be tried in vain');
    expect(await Promise.all(ids.map(delivery))).toEqual(['waiting', 'waiting', 'waiting']);
    expect(await figures()).toMatchObject({ ready: true, configured: true, givenUp: 0 });
    await mail.comeBack();
    await Promise.all(emails.map((email) => mail.token(email)));
    await until(async () => (await figures())?.waiting === 0, 'nothing to wait');
    expect(emails.map((email) => mail.mailsTo(email).length)).toEqual([1, 1, 1]);
  });

  it('is sent once when several replicas send', async () => {
    const { app, config } = identity;
    const replicas = Array.from(
      { length: 3 },
      () => new Mailer([new InviteMails(app.get(Pool), app.get(EventStore), app.get(Invitations), config)], config),
    );
    const emails = Array.from({ length: 20 }, () => someEmail());
    await Promise.all(emails.map((email) => invite(email)));
    for (const replica of replicas) replica.onApplicationBootstrap();
    try {
      await Promise.all(emails.map((email) => mail.token(email)));
      await until(async () => (await figures())?.waiting === 0, 'nothing to wait');
    } finally {
      await Promise.all(replicas.map((replica) => replica.onApplicationShutdown()));
    }
    expect(emails.map((email) => mail.mailsTo(email).length)).toEqual(emails.map(() => 1));
  });

  it('is given up after some refusals of the address, which health and list say, until it is sent again', async () => {
    const email = someEmail();
    mail.unknown.add(email);
    const id = await invite(email);
    for (let refused = 1; refused <= 5; refused++) {
      await until(() => mail.refusals >= refused, `refusal ${String(refused)}`);
      await until(async () => {
        const [row] = await identity.rows(
          `select 1 from invite_mail where attempts = ${String(refused)} and due_at < now() + interval '30 seconds'`,
        );
        return row;
      }, 'the attempt to be over');
      if (refused < 5) await dueNow();
    }
    await until(async () => (await delivery(id)) === 'failed', 'it to be given up');
    expect(await figures()).toMatchObject({ ready: true, givenUp: 1 });
    await dueNow();
    mail.unknown.delete(email);
    await acme.call('POST', `/api/v1/users/${id}/resend-invite`);
    await mail.token(email);
    await until(async () => (await figures())?.givenUp === 0, 'the figures to forget it');
    expect(mail.refusals).toBe(5);
  });

  it('is not sent for a link that has run out', async () => {
    await mail.goAway();
    const email = someEmail();
    const id = await invite(email);
    await until(async () => (await figures())?.tried === 1, 'it to be tried in vain');
    await identity.database.asOwner('update portal_user_invite set expires_at = now()');
    await mail.comeBack();
    await dueNow();
    await until(async () => (await delivery(id)) === 'failed', 'it to be given up');
    expect(mail.mailsTo(email)).toEqual([]);
  });

  it('goes to another replica when the one that took it is gone', async () => {
    await mail.goAway();
    const email = someEmail();
    await invite(email);
    await until(async () => (await figures())?.tried === 1, 'it to be tried in vain');
    // As a replica leaves it that took it and was killed.
    await identity.database.asOwner(`update invite_mail set due_at = now() + interval '1 second', attempts = 1`);
    await mail.comeBack();
    await mail.token(email);
  });
});

it('refuses to invite anybody without a mail server', async () => {
  const without = await IdentityFixture.start();
  try {
    const customer = await without.customer();
    const answer = await customer.call('POST', '/api/v1/users', {
      body: { first_name: 'Bob', last_name: 'Byte', email: someEmail(), role_id: AGENT_ROLE },
    });
    expect(answer).toMatchObject({ status: 503, body: { code: 'mail.not-configured' } });
  } finally {
    await without.stop();
  }
});

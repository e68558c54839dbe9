import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import { freePort } from '../processes.js';
import { startMailbox, type Mailbox } from './mailbox.js';
import type { Mail } from './mails.js';

describe('startMailbox', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'api-users-mailbox-'));
  let mailbox: Mailbox;
  const start = async () =>
    (mailbox = await startMailbox({ dataDir }, { page: await freePort(), smtp: await freePort() }));
  const send = (to: string, subject: string, more = {}) =>
    createTransport(mailbox.smtpUrl).sendMail({
      from: 'API users <no-reply@a.test>',
      to,
      subject,
      text: 'Hello',
      ...more,
    });
  const messages = async (to?: string) => {
    const response = await fetch(`${mailbox.url}/messages${to === undefined ? '' : `?to=${encodeURIComponent(to)}`}`);
    return ((await response.json()) as { items: Mail[] }).items;
  };

  beforeEach(start);
  afterEach(() => mailbox.stop());
  afterAll(() => {
    rmSync(dataDir, { recursive: true });
  });

  it('lists a mail as soon as its sender has been told that it was taken, newest first, and by address', async () => {
    await send('ada+1@example.test', 'Ünïcode ✓', { text: 'Follow http://127.0.0.1:3000/invite#abc now.' });
    await send('bob@example.test', 'Second');
    expect((await messages()).slice(0, 2).map(({ subject }) => subject)).toEqual(['Second', 'Ünïcode ✓']);
    const [mail] = await messages('ada+1@example.test');
    expect(mail).toMatchObject({
      from: 'API users <no-reply@a.test>',
      to: ['ada+1@example.test'],
      text: 'Follow http://127.0.0.1:3000/invite#abc now.\n',
      links: ['http://127.0.0.1:3000/invite#abc'],
    });
    const page = await fetch(`${mailbox.url}/mail/${mail?.id ?? ''}`);
    expect(await page.text()).toContain('<h2>Ünïcode ✓</h2>');
  });

  it('keeps the last 200 over a restart, readable by their owner only', async () => {
    const transport = createTransport({ url: mailbox.smtpUrl, pool: true });
    for (let n = 0; n < 201; n += 1) {
      await transport.sendMail({ from: 'a@a.test', to: 'many@a.test', subject: `Mail ${n}`, text: '' });
    }
    transport.close();
    await mailbox.stop();
    await start();
    const kept = await messages('many@a.test');
    expect([kept.length, kept[0]?.subject, kept.at(-1)?.subject]).toEqual([200, 'Mail 200', 'Mail 1']);
    expect(statSync(join(dataDir, 'mailbox.json')).mode & 0o777).toBe(0o600);
  });

  it('refuses a mail that is too large, and goes on', async () => {
    await expect(send('ada@example.test', 'Large', { text: 'x'.repeat(1_100_000) })).rejects.toThrow();
    await send('ada@example.test', 'Small');
    expect((await messages())[0]?.subject).toBe('Small');
  });

  it('answers no page that has made its own name lead here', async () => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { host: `evil.test:${new URL(mailbox.url).port}` };
      const outgoing = request(`${mailbox.url}/messages`, { headers }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      outgoing.on('error', reject).end();
    });
    expect(status).toBe(421);
  });

  it('runs no script but its own and is shown in no frame', async () => {
    const { headers } = await fetch(mailbox.url);
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
  });

  it.each([
    ['/mail/nothing', 404],
    ['//evil.test', 404],
    ['/mailbox.css', 200],
    ['/mailbox.js', 200],
    ['/mailbox.svg', 200],
  ])('answers %s with %d', async (path, status) => {
    expect((await fetch(`${mailbox.url}${path}`)).status).toBe(status);
  });
});

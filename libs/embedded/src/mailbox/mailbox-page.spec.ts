import { mailboxPage } from './mailbox-page.js';
import type { Mail } from './mails.js';

const mail = (changes: Partial<Mail> = {}): Mail => ({
  id: 'one',
  received_at: '2026-11-27T12:03:04.000Z',
  from: 'API users <no-reply@demo.rebelcore.local>',
  to: ['ada@example.test'],
  subject: 'You are invited',
  text: 'Set your password: http://127.0.0.1:3000/invite#token',
  links: [],
  ...changes,
});

describe('mailboxPage', () => {
  it('escapes whatever a mail says', () => {
    const hostile = `<script>alert("x")</script><img src=x onerror='y'> &amp;`;
    const page = mailboxPage([
      mail({ id: hostile, from: hostile, to: [hostile], subject: hostile, text: `${hostile} http://a.test/"><b>` }),
    ]);
    expect(page).not.toMatch(/<script>|<img|<b>|onerror='/);
    expect(page).toContain('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;');
  });

  it('makes the addresses in the text links that tell nobody where they were followed', () => {
    expect(mailboxPage([mail()])).toContain(
      '<a href="http://127.0.0.1:3000/invite#token" target="_blank" rel="noreferrer">http://127.0.0.1:3000/invite#token</a>',
    );
  });

  it('opens the newest mail where none was asked for, and marks the open one in the list', () => {
    const [newest, older] = [mail({ id: 'new', subject: 'Newest' }), mail({ id: 'old', subject: 'Older' })];
    expect(mailboxPage([newest, older])).toMatch(/<h2>Newest<\/h2>/);
    const asked = mailboxPage([newest, older], older);
    expect(asked).toMatch(/<h2>Older<\/h2>/);
    expect(asked).toContain('href="/mail/old" aria-current="page"');
  });

  it('says what to do while there is none', () => {
    expect(mailboxPage([])).toContain('No mail yet. Invite somebody');
  });
});

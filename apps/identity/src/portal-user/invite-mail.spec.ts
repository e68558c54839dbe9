import { inviteMail } from './invite-mail.js';

const link = 'https://portal.example/invite#abc';
const mail = {
  firstName: 'Ada',
  customerName: 'Acme',
  link,
  expiresAt: new Date('2026-11-28T14:05:59Z'),
};

describe('the mail of an invitation', () => {
  it('says who asks, where the password is set and how long the link works, in text and in HTML', () => {
    const { subject, text, html } = inviteMail(mail);
    expect(subject).toBe('Set your password for Acme');
    for (const body of [text, html]) {
      expect(body).toContain('Hello Ada,');
      expect(body).toContain('Acme has added you to its portal.');
      expect(body).toContain(link);
      expect(body).toContain('until 28 November 2026, 14:05 UTC');
    }
  });

  it('takes nobody’s name for markup', () => {
    const { html } = inviteMail({ ...mail, firstName: '<img src=x>', customerName: `A & "B" 'C'` });
    expect(html).toContain('Hello &lt;img src=x&gt;,');
    expect(html).toContain('A &amp; &quot;B&quot; &#39;C&#39; has added you');
  });

  it('loads nothing', () => {
    expect(inviteMail(mail).html).not.toMatch(/<img|<script|<link|url\(|src=/i);
  });
});

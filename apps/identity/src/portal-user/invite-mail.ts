export interface InviteMail {
  readonly firstName: string;
  readonly customerName: string;
  /** Where the password is set. */
  readonly link: string;
  readonly expiresAt: Date;
}

/** The text of an invitation, as plain text and as HTML: no picture, nothing loaded, nothing that tells whether it was read. */
export function inviteMail(mail: InviteMail): {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
} {
  const { firstName, customerName, link, expiresAt } = mail;
  const subject = `Set your password for ${customerName}`;
  const greeting = `Hello ${firstName},`;
  const asked = `${customerName} has added you to its portal. Choose a password to open your account:`;
  const valid = `The link works once, until ${inWords(expiresAt)}. If it has run out, ask your administrator for a new one.`;
  const ignore = 'If you did not expect this message, you can ignore it: without a password the account stays closed.';
  return {
    subject,
    text: `${[greeting, asked, link, valid, ignore].join('\n\n')}\n`,
    html: htmlOf([
      escaped(greeting),
      escaped(asked),
      `<a href="${escaped(link)}">Set your password</a>`,
      `<small>Or open this address: ${escaped(link)}</small>`,
      escaped(valid),
      escaped(ignore),
    ]),
  };
}

const DATE: Intl.DateTimeFormatOptions = { day: 'numeric', month: 'long', year: 'numeric' };
const TIME: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', hour12: false };

/** `28 November 2026, 14:05 UTC`: nobody knows the zone of the reader. */
function inWords(at: Date): string {
  const format = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat('en-GB', { ...options, timeZone: 'UTC' }).format(at);
  return `${format(DATE)}, ${format(TIME)} UTC`;
}

const htmlOf = (paragraphs: readonly string[]): string =>
  `<!doctype html>
<html lang="en">
<body style="font: 15px/1.6 sans-serif; max-width: 36em">
${paragraphs.map((paragraph) => `<p>${paragraph}</p>`).join('\n')}
</body>
</html>
`;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');

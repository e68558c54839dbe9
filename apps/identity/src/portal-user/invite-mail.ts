import { inWords, mailText, type MailText } from '../mail/mail-text.js';

export interface InviteMail {
  readonly firstName: string;
  readonly customerName: string;
  /** Where the password is set. */
  readonly link: string;
  readonly expiresAt: Date;
}

export const inviteMail = ({ firstName, customerName, link, expiresAt }: InviteMail): MailText =>
  mailText(`Set your password for ${customerName}`, [
    `Hello ${firstName},`,
    `${customerName} has added you to its portal. Choose a password to open your account:`,
    { label: 'Set your password', href: link },
    `The link works once, until ${inWords(expiresAt)}. If it has run out, ask your administrator for a new one.`,
    'If you did not expect this message, you can ignore it: without a password the account stays closed.',
  ]);

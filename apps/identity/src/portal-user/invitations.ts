import { open, seal } from '@rebelcore/credentials/sealing';
import { Refused } from '@rebelcore/event-store/aggregate';
import { createHash, randomBytes } from 'node:crypto';
import type { IdentityConfig } from '../identity.config.js';
import type { Invitation } from './portal-user.js';

/** The claim by which a link is found before it is known whose it is. */
export const inviteClaim = (tokenKey: string): { scope: string; key: string } => ({
  scope: 'portal-user.invite',
  key: tokenKey,
});

/** What is kept of a token: its hash. Tokens have 256 random bits, so no work need be added to guessing them. */
export const tokenKeyOf = (token: string): string => createHash('sha256').update(token).digest('base64url');

/** Makes links for people to set their password with, and opens them again for the mail that brings them. */
export class Invitations {
  constructor(private readonly config: Pick<IdentityConfig, 'KEY_ENCRYPTION_KEY' | 'SMTP_URL'>) {}

  /**
   * A fresh link.
   *
   * @throws {Refused} `mail.not-configured`: an invitation that nobody would ever get
   */
  make(portalUserId: string): Invitation {
    if (this.config.SMTP_URL === undefined) {
      throw new Refused('mail.not-configured', 'Nobody can be invited, since this system has no mail server.');
    }
    const token = randomBytes(32).toString('base64url');
    const sealedToken = seal(Buffer.from(token), this.config.KEY_ENCRYPTION_KEY, mailOf(portalUserId));
    return { tokenKey: tokenKeyOf(token), sealedToken };
  }

  /**
   * The token of a link whose mail is still to be sent.
   *
   * @throws {Error} when it was sealed under another KEY_ENCRYPTION_KEY
   */
  tokenOf(portalUserId: string, sealedToken: Uint8Array): string {
    return open(sealedToken, this.config.KEY_ENCRYPTION_KEY, mailOf(portalUserId)).toString();
  }
}

const mailOf = (portalUserId: string): string => `invite-mail:${portalUserId}`;

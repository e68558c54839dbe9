import { seal } from '@rebelcore/credentials/sealing';
import { createHash, randomBytes } from 'node:crypto';
import type { Invitation } from './portal-user.js';

/** The claim by which a link is found before it is known whose it is. */
export const inviteClaim = (tokenKey: string): { scope: string; key: string } => ({
  scope: 'portal-user.invite',
  key: tokenKey,
});

/** What is kept of a token: its hash. Tokens have 256 random bits, so no work need be added to guessing them. */
export const tokenKeyOf = (token: string): string => createHash('sha256').update(token).digest('base64url');

/** What a token is sealed for until its mail is sent. */
export const mailOf = (portalUserId: string): string => `invite-mail:${portalUserId}`;

/** A fresh link for a person. */
export function newInvitation(portalUserId: string, encryptionKey: Buffer): Invitation {
  const token = randomBytes(32).toString('base64url');
  return { tokenKey: tokenKeyOf(token), sealedToken: seal(Buffer.from(token), encryptionKey, mailOf(portalUserId)) };
}

import { createHash } from 'node:crypto';
import { z } from 'zod';

/** An e-mail address, kept as it was written. */
export const emailAddress = z
  .string()
  .trim()
  .max(254, 'must be at most 254 characters')
  .pipe(z.email('must be an e-mail address'));

/** The claim by which an address is unique over all customers. A hash, since a claim is not a place for personal data. */
export const emailClaim = (address: string): { scope: string; key: string } => ({
  scope: 'portal-user.email',
  key: createHash('sha256').update(address.toLowerCase()).digest('base64url'),
});

import { createHash } from 'node:crypto';
import { z } from 'zod';

/** An e-mail address, kept as it was written. */
export const emailAddress = z
  .string()
  .trim()
  .pipe(z.email('must be an e-mail address').max(254, 'must be at most 254 characters'))
  .meta({ format: 'email', maxLength: 254 });

/**
 * The claim by which an address is unique over all customers. A hash, since a claim is not a place for personal data; of one
 * spelling for all that mean the same mailbox. For the ASCII that {@link emailAddress} accepts so far this is lower case,
 * as claims were made before.
 */
export const emailClaim = (address: string): { scope: string; key: string } => ({
  scope: 'portal-user.email',
  key: createHash('sha256').update(folded(address.trim())).digest('base64url'),
});

/**
 * Unicode's case folding, which JavaScript does not have, as nearly as its two mappings give it: by character, since the
 * lower case of a sigma depends on its neighbours.
 */
const folded = (text: string): string =>
  Array.from(text.normalize('NFC'), (character) => character.toUpperCase().toLowerCase())
    .join('')
    .normalize('NFC');

import { z } from 'zod';
import { EventCatalogue } from './cloud-event.js';

/**
 * What lies on `identity.credentials.v1`, keyed by API user id and compacted: the verifier that `/authorize` compares
 * with. Readable by the token service alone.
 */
export const credentialEvents = new EventCatalogue('identity', {
  ApiUserCredentialIssued: z.object({
    apiUserId: z.uuid(),
    customerId: z.uuid(),
    username: z.string().min(1),
    /** HMAC-SHA-256 of the password under the pepper named beside it, base64url, 32 bytes. */
    verifier: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be 32 bytes in base64url'),
    pepperVersion: z.string().min(1),
  }),
});

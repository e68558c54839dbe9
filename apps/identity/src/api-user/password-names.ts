import { createHash } from 'node:crypto';
import type { Verifier } from '@rebelcore/credentials/verifier';

/** Names by which API users are found when all that is known is their password; the key is an HMAC of that. */
export const PASSWORD = 'api-user.password';

/** Names of API users that were put back from the topics, where nothing but their verifiers tells of their passwords. */
export const PUT_BACK = 'api-user.put-back';

/** A hash, since this service keeps verifiers and does not read them. */
export const putBackName = ({
  pepperVersion,
  verifier,
}: Verifier): { readonly scope: string; readonly key: string } => ({
  scope: PUT_BACK,
  key: createHash('sha256').update(`${pepperVersion} ${verifier}`).digest('base64url'),
});

import type { DPoPProofs } from '@rebelcore/api-access/dpop-proof';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ApiUserAuthentication } from '../authorize/api-user-authentication.js';
import { TOKEN_LIFETIME_S, type TokenIssuer } from '../authorize/token-issuer.js';
import { readForm } from './form.js';
import { OAuthError } from './oauth-error.js';
import { authenticated, CLIENT_PARAMETERS, presentedClient } from './presented-client.js';

const PARAMETERS = [...CLIENT_PARAMETERS, 'grant_type', 'scope'] as const;
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+(?: +[\x21\x23-\x5b\x5d-\x7e]+)*$/;

export interface TokenEndpoint {
  readonly authentication: ApiUserAuthentication;
  readonly issuer: TokenIssuer;
  readonly proofs: DPoPProofs;
  /** Whether tokens for this resource (RFC 8707) are issued here. */
  readonly serves: (resource: string) => boolean;
}

/** `POST /oauth2/token` with `grant_type=client_credentials`. */
export const tokenEndpoint =
  ({ authentication, issuer, proofs, serves }: TokenEndpoint) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const body = (request.body ?? new URLSearchParams()) as URLSearchParams;
    const form = readForm(body, PARAMETERS);
    const presented = presentedClient(request.headers.authorization, form);
    if (form.grant_type === undefined) throw new OAuthError('invalid_request', 'grant_type is required.');

    const apiUser = await authenticated(authentication, request, presented);
    if (form.grant_type !== 'client_credentials') {
      throw new OAuthError('unsupported_grant_type', 'grant_type must be client_credentials.');
    }
    for (const resource of body.getAll('resource')) {
      if (resource !== '' && !serves(resource)) {
        throw new OAuthError('invalid_target', 'resource is none that tokens are issued for here.');
      }
    }
    const roleScope = apiUser.scope ?? '';
    const scope = form.scope === undefined ? undefined : narrowed(form.scope, roleScope);
    const boundTo = await keyProven(proofs, request);
    const { token } = issuer.issue(request, apiUser, { narrowedTo: scope, boundTo });
    const granted = scope ?? roleScope;
    return reply.type('application/json').send(
      JSON.stringify({
        access_token: token,
        token_type: boundTo === undefined ? 'Bearer' : 'DPoP',
        expires_in: TOKEN_LIFETIME_S,
        ...(granted !== '' && granted !== form.scope && { scope: granted }),
      }),
    );
  };

/** @throws {OAuthError} when there is a proof that proves nothing */
async function keyProven(proofs: DPoPProofs, request: FastifyRequest): Promise<string | undefined> {
  if (request.headers.dpop === undefined) return undefined;
  const thumbprint = await proofs.thumbprintOf(request);
  if (thumbprint === undefined) {
    throw new OAuthError('invalid_dpop_proof', 'The DPoP header is no proof for this request, or it was used before.');
  }
  return thumbprint;
}

/** @throws {OAuthError} when more is asked for than the role permits */
function narrowed(asked: string, roleScope: string): string {
  if (!SCOPE.test(asked)) throw new OAuthError('invalid_scope', 'scope must be flags parted by blanks.');
  const permitted = roleScope.split(' ');
  const flags = new Set(asked.split(/ +/));
  for (const flag of flags) {
    if (!permitted.includes(flag)) {
      throw new OAuthError('invalid_scope', 'scope names a flag that the role of this API user does not have.');
    }
  }
  return [...flags].join(' ');
}

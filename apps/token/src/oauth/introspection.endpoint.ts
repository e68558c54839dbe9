import type { ApiUser } from '@rebelcore/api-access/api-user.guard';
import { describeCall } from '@rebelcore/api-access/record-calls.plugin';
import type { TokenVerifier } from '@rebelcore/api-access/token-verifier';
import type { Permission } from '@rebelcore/contracts/roles';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ApiUserAuthentication } from '../authorize/api-user-authentication.js';
import { readForm } from './form.js';
import { OAuthError } from './oauth-error.js';
import { authenticated, CLIENT_PARAMETERS, presentedClient } from './presented-client.js';

const PARAMETERS = [...CLIENT_PARAMETERS, 'token'] as const;

/** What the role of whoever asks must include. */
export const INTROSPECTION_REQUIRES: Permission = 'can_introspect';

export interface IntrospectionEndpoint {
  readonly authentication: ApiUserAuthentication;
  readonly tokens: TokenVerifier<ApiUser>;
  /** What every token says, of itself and in the answer. */
  readonly rules: { readonly issuer: string; readonly audience: string };
}

/** `POST /oauth2/introspect` (RFC 7662): whether a token is valid, for the APIs of its own customer. */
export const introspectionEndpoint =
  ({ authentication, tokens, rules }: IntrospectionEndpoint) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const form = readForm((request.body ?? new URLSearchParams()) as URLSearchParams, PARAMETERS);
    const presented = presentedClient(request.headers.authorization, form);
    if (form.token === undefined) throw new OAuthError('invalid_request', 'token is required.');

    const caller = await authenticated(authentication, request, presented);
    if (!flagsOf(caller.scope).includes(INTROSPECTION_REQUIRES)) {
      describeCall(request, { reason: 'permission.missing' });
      throw new OAuthError('unauthorized_client', `The role of this API user lacks ${INTROSPECTION_REQUIRES}.`, 403);
    }
    const answer = (body: object) => reply.type('application/json').send(JSON.stringify(body));
    const holder = await tokens.holderOf(form.token);
    const inactive = whyInactive(holder, caller.customerId);
    if (holder === undefined || inactive !== undefined) {
      describeCall(request, { reason: inactive ?? 'token.invalid' });
      return answer({ active: false });
    }
    // Of the same customer as the caller, so that this is as current as what the caller was admitted by.
    const subject = await authentication.find(request, holder.username);
    const scope = flagsOf(subject?.scope ?? holder.scope.join(' '));
    const permitted = holder.narrowed ? scope.filter((flag) => holder.scope.includes(flag)) : scope;
    return answer({
      active: true,
      ...(permitted.length > 0 && { scope: permitted.join(' ') }),
      client_id: holder.username,
      token_type: holder.boundTo === undefined ? 'Bearer' : 'DPoP',
      ...(holder.boundTo !== undefined && { cnf: { jkt: holder.boundTo } }),
      exp: holder.expiresAt,
      iat: holder.issuedAt,
      sub: holder.apiUserId,
      aud: rules.audience,
      iss: rules.issuer,
      jti: holder.tokenId,
      customer_id: holder.customerId,
      ...(holder.networks !== undefined && { networks: holder.networks.networks }),
      role: subject?.role ?? holder.role,
      ...(subject?.status !== undefined && { api_user_status: subject.status }),
    });
  };

function whyInactive(holder: ApiUser | undefined, customerId: string): string | undefined {
  if (holder === undefined) return 'token.invalid';
  if (holder.customerId !== customerId) return 'token.foreign';
  // What was published: deactivating its API user does not end a token.
  return holder.expiresAt * 1000 <= Date.now() ? 'token.expired' : undefined;
}

const flagsOf = (scope: string | undefined): readonly string[] => (scope ?? '').split(' ').filter(Boolean);

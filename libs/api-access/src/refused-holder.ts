import { within } from '@rebelcore/messaging/deadline';
import type { FastifyRequest } from 'fastify';
import { apiUserTokens, type ApiUserTokens } from './api-user.guard.js';
import { bearerToken, dpopToken } from './bearer-token.js';
import { IssuerKeys, KeysUnavailable } from './issuer-keys.js';
import type { CallDetails } from './record-calls.plugin.js';

/** So long a refusal waits at most for the keys, which it needs to name somebody and not to be one. */
const PATIENCE_MS = 500;

/**
 * For a service that lets no API user in: whose token a call bears that it refuses, so that the refusal is found in the log of that
 * customer. Expired tokens tell it as well. Nothing is fetched before the first such token comes; while the token service is away
 * nobody is named.
 */
export function refusedHolder(
  { jwksUri, issuer, audience }: Pick<ApiUserTokens, 'jwksUri' | 'issuer' | 'audience'>,
  patienceMs = PATIENCE_MS,
): (request: Pick<FastifyRequest, 'headers'>) => Promise<CallDetails | undefined> {
  let tokens: ReturnType<typeof apiUserTokens> | undefined;
  return async ({ headers }) => {
    const token = bearerToken(headers.authorization) ?? dpopToken(headers.authorization);
    if (token === undefined) return undefined;
    tokens ??= apiUserTokens({ issuer, audience }, new IssuerKeys(jwksUri));
    const holder = await within(patienceMs, tokens.holderOf(token), () => new KeysUnavailable()).catch(() => undefined);
    return holder && { customerId: holder.customerId, apiUserId: holder.apiUserId, tokenId: holder.tokenId };
  };
}

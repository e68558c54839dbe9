import { canonicalUsername } from '@rebelcore/credentials/api-user-password';
import type { FastifyRequest } from 'fastify';
import { isUtf8 } from 'node:buffer';
import type { ApiUserAuthentication } from '../authorize/api-user-authentication.js';
import type { Authorization } from '../authorize/authorization.lookup.js';
import { JWT_BEARER, readAssertion, type PresentedAssertion } from '../authorize/client-assertion.js';
import type { Form } from './form.js';
import { invalidClient, OAuthError } from './oauth-error.js';

export const CLIENT_PARAMETERS = ['client_id', 'client_secret', 'client_assertion_type', 'client_assertion'] as const;

/** How clients may say who they are, as the metadata names it. */
export const CLIENT_AUTHENTICATION = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'] as const;

/** How a client says who it is (RFC 6749, section 2.3.1; RFC 7523, section 2.2). */
export type PresentedClient =
  { readonly username: string; readonly password: string } | { readonly assertion: PresentedAssertion };

/**
 * What the request presents, by the one mechanism that it uses.
 *
 * @throws {OAuthError}
 */
export function presentedClient(
  authorization: string | undefined,
  form: Form<(typeof CLIENT_PARAMETERS)[number]>,
): PresentedClient {
  const { client_id: clientId, client_secret: secret, client_assertion: assertion, client_assertion_type: type } = form;
  const used = [authorization, secret, assertion].filter((each) => each !== undefined);
  if (used.length > 1) {
    throw new OAuthError('invalid_request', 'The client is authenticated by more than one mechanism.');
  }
  if (authorization !== undefined) {
    const presented = basic(authorization);
    if (!names(clientId, presented)) {
      throw new OAuthError('invalid_request', 'client_id is not the client of the Authorization header.');
    }
    return presented;
  }
  if (assertion !== undefined || type !== undefined)
    return { assertion: presentedAssertion(clientId, assertion, type) };
  if (secret === undefined || clientId === undefined) throw invalidClient();
  return { username: clientId, password: secret };
}

/**
 * The API user that the request presents.
 *
 * @throws {OAuthError} `invalid_client`: unknown, wrong and inactive alike
 * @throws {ProblemException} 503 while it is not certain who may authorize
 */
export async function authenticated(
  authentication: ApiUserAuthentication,
  request: FastifyRequest,
  presented: PresentedClient,
): Promise<Authorization> {
  const apiUser =
    'assertion' in presented
      ? await authentication.byAssertion(request, presented.assertion)
      : await authentication.byPassword(request, presented.username, presented.password);
  if (apiUser === undefined) throw invalidClient();
  return apiUser;
}

function presentedAssertion(
  clientId: string | undefined,
  assertion: string | undefined,
  type: string | undefined,
): PresentedAssertion {
  if (assertion === undefined || type === undefined) {
    throw new OAuthError('invalid_request', 'client_assertion and client_assertion_type come together.');
  }
  const presented = type === JWT_BEARER ? readAssertion(assertion) : undefined;
  if (presented === undefined) throw invalidClient();
  if (!names(clientId, presented)) {
    throw new OAuthError('invalid_request', 'client_id is not the client of the assertion.');
  }
  return presented;
}

/** A client that is named twice must be the same one. */
const names = (clientId: string | undefined, { username }: { readonly username: string }): boolean =>
  clientId === undefined || canonicalUsername(clientId) === canonicalUsername(username);

function basic(authorization: string): Extract<PresentedClient, { password: string }> {
  const [, encoded] = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(authorization) ?? [];
  const bytes = Buffer.from(encoded ?? '', 'base64');
  const text = bytes.toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0 || !isUtf8(bytes)) throw invalidClient();
  return { username: formDecoded(text.slice(0, colon)), password: formDecoded(text.slice(colon + 1)) };
}

/** Libraries encode both parts or neither; ours hold nothing that either would change. */
function formDecoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

import type { Form } from './form.js';
import { invalidClient, OAuthError } from './oauth-error.js';

export const CLIENT_PARAMETERS = ['client_id', 'client_secret', 'client_assertion_type', 'client_assertion'] as const;

/** How clients may say who they are, as the metadata names it. */
export const CLIENT_AUTHENTICATION = ['client_secret_basic', 'client_secret_post'] as const;

/** How a client says who it is (RFC 6749, section 2.3.1). */
export interface PresentedClient {
  readonly username: string;
  readonly password: string;
}

/**
 * What the request presents, by the one mechanism that it uses.
 *
 * @throws {OAuthError}
 */
export function presentedClient(
  authorization: string | undefined,
  form: Form<(typeof CLIENT_PARAMETERS)[number]>,
): PresentedClient {
  const { client_id: clientId, client_secret: secret, client_assertion: assertion } = form;
  const used = [authorization, secret, assertion].filter((each) => each !== undefined);
  if (used.length > 1) {
    throw new OAuthError('invalid_request', 'The client is authenticated by more than one mechanism.');
  }
  if (authorization !== undefined) {
    const presented = basic(authorization);
    if (clientId !== undefined && clientId !== presented.username) {
      throw new OAuthError('invalid_request', 'client_id is not the client of the Authorization header.');
    }
    return presented;
  }
  if (secret === undefined || clientId === undefined) throw invalidClient();
  return { username: clientId, password: secret };
}

function basic(authorization: string): PresentedClient {
  const [, encoded] = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(authorization) ?? [];
  const text = Buffer.from(encoded ?? '', 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0) throw invalidClient();
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

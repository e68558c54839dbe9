import { z } from 'zod';
import { PROBLEM_MEDIA_TYPE, type Problem } from './problem.js';

/** An error as RFC 6749, section 5.2, describes it: everything below `/oauth2` answers so. */
export const oauthError = z.object({
  error: z.string(),
  /** For a developer; without quotes and backslashes. */
  error_description: z.string().optional(),
});
export type OAuthErrorBody = z.infer<typeof oauthError>;

const CODES: Readonly<Record<number, string>> = {
  401: 'invalid_client',
  429: 'temporarily_unavailable',
  503: 'temporarily_unavailable',
};

/** @param description one sentence; what RFC 6749 does not allow in it is left out */
export const oauthErrorDocument = (error: string, description: string): OAuthErrorBody => ({
  error,
  error_description: description.replace(/[^\x20-\x7e]|["\\]/g, ''),
});

/** The error code of an HTTP status, where nothing more is known. */
export const oauthErrorCode = (status: number): string =>
  CODES[status] ?? (status < 500 ? 'invalid_request' : 'server_error');

/**
 * An error as it is written at this address. Client libraries refuse problem documents at a token endpoint before they
 * read them, whoever answers: the service, its gateway, or what stands before the router.
 *
 * @param url of the request; the path alone counts
 */
export function errorAnswer(
  url: string | undefined,
  problem: Problem,
): { readonly type: string; readonly body: string } {
  if (!isBelowOAuth(url)) {
    return { type: PROBLEM_MEDIA_TYPE, body: JSON.stringify(problem) };
  }
  const { status = 500, detail } = problem;
  return { type: 'application/json', body: JSON.stringify(oauthErrorDocument(oauthErrorCode(status), detail)) };
}

/** However the address is spelled: the router decodes it before it compares. */
function isBelowOAuth(url = ''): boolean {
  const path = url.replace(/[?#].*/s, '');
  try {
    return /^\/oauth2(?:\/|$)/.test(decodeURI(path));
  } catch {
    // What follows cannot be decoded, which is why there is an error to write.
    return /^\/oauth2(?:\/|$)/.test(path);
  }
}

import { Authenticator } from './authenticator.js';

/** Sends a body and keeps the cookie of the answer; `path` begins with a slash. */
export type Post = (path: string, body?: unknown) => Promise<{ readonly status?: number; readonly body?: unknown }>;

/**
 * Signs a person in, and enrols their second factor where that is still to be done.
 *
 * @param authenticator theirs, once they are enrolled; keep one per person, since it knows which codes are used
 * @returns their authenticator
 * @throws {Error} with the answer that was not the expected one
 */
export async function signIn(
  post: Post,
  { email, password }: { readonly email: string; readonly password: string },
  authenticator?: Authenticator,
): Promise<Authenticator | undefined> {
  const totp = await authenticator?.nextCode();
  const body = await ask(201, post, '/api/v1/sessions', { email, password, ...(totp !== undefined && { totp }) });
  const { session } = body as { session?: { second_factor: 'enrolled' | 'enrolment_required' } };
  return session?.second_factor === 'enrolment_required' ? enrol(post) : authenticator;
}

/**
 * Enrols the person who is signed in with `post`.
 *
 * @param keep told the key (base32) before it counts
 */
export async function enrol(post: Post, keep?: (secret: string) => void): Promise<Authenticator> {
  const { secret } = (await ask(201, post, '/api/v1/me/second-factor')) as { secret: string };
  keep?.(secret);
  const authenticator = new Authenticator(secret);
  await ask(200, post, '/api/v1/me/second-factor/confirm', { totp: await authenticator.nextCode() });
  return authenticator;
}

async function ask(status: number, post: Post, path: string, body?: unknown): Promise<unknown> {
  const answer = await post(path, body);
  if (answer.status === status) return answer.body;
  throw new Error(`POST ${path} answered ${answer.status ?? 'nothing'}, not ${status}: ${JSON.stringify(answer.body)}`);
}

import type { Problem } from '@rebelcore/contracts/problem';
import { Authenticator } from './authenticator.js';

interface Answer {
  readonly status?: number;
  readonly body?: unknown;
}

/** Sends a body and keeps the cookie of the answer; `path` begins with a slash. */
export type Post = (path: string, body?: unknown) => Promise<Answer>;

interface SignedIn {
  readonly session: { readonly second_factor: 'enrolled' | 'enrolment_required' };
}

/** Another process may have used the codes of this moment. */
const CODES_TRIED = 3;
const PATIENCE_MS = 30_000;

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
): Promise<Authenticator> {
  const path = '/api/v1/sessions';
  for (let tried = 1; ; tried += 1) {
    const totp = await authenticator?.nextCode();
    const answer = await politely(post, path, { email, password, ...(totp !== undefined && { totp }) });
    if (authenticator && codeOf(answer) === 'session.not-opened' && tried < CODES_TRIED) continue;
    const { session } = expected(201, path, answer) as SignedIn;
    if (session.second_factor === 'enrolment_required') return enrol(post);
    if (authenticator) return authenticator;
    throw new Error(`${email} signed in without the code of an authenticator`);
  }
}

/**
 * Enrols the person who is signed in with `post`.
 *
 * @param keep told the key (base32) before it counts
 */
export async function enrol(post: Post, keep?: (secret: string) => void): Promise<Authenticator> {
  const path = '/api/v1/me/second-factor';
  const { secret } = expected(201, path, await post(path)) as { secret: string };
  keep?.(secret);
  const authenticator = new Authenticator(secret);
  for (let tried = 1; ; tried += 1) {
    const answer = await post(`${path}/confirm`, { totp: await authenticator.nextCode() });
    // The code may have been over when it arrived.
    if (answer.status === 400 && tried < CODES_TRIED) continue;
    expected(200, `${path}/confirm`, answer);
    return authenticator;
  }
}

/** The code of a refusal; undefined for any other answer. */
export const codeOf = ({ body }: Answer): string | undefined => (body as Partial<Problem> | undefined)?.code;

/** Again while too many sign in at once. */
async function politely(post: Post, path: string, body: unknown): Promise<Answer> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await post(path, body);
    if (answer.status !== 429 || performance.now() > deadline) return answer;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

function expected(status: number, path: string, answer: Answer): unknown {
  if (answer.status === status) return answer.body;
  throw new Error(`POST ${path} answered ${answer.status ?? 'nothing'}, not ${status}: ${JSON.stringify(answer.body)}`);
}

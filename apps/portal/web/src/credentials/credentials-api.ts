import { answer, api, BACKGROUND } from '../api/client.js';
import type { Problem } from '../api/problem.js';
import type { Minted, MintRequest } from './mint.js';
import { OneTimeSecret } from './one-time-secret.js';

interface MintAnswer {
  readonly id: string;
  readonly username: string;
  readonly password?: string;
  readonly role: { readonly id: string; readonly name: string };
  readonly enforced_at?: string | null;
}

export interface HandOver {
  readonly id: string;
  readonly created_at: string;
  readonly expires_at: string;
  readonly status: 'waiting' | 'opened' | 'expired' | 'withdrawn';
  readonly opened_at: string | null;
  readonly opened_ip: string | null;
  readonly failed_openings: number;
  readonly last_failed_at: string | null;
}

/** @returns the password apart from all else; undefined for a repetition, whose password nobody has */
export async function mint(
  request: MintRequest,
  key: string,
): Promise<{ readonly minted: Minted; readonly secret: OneTimeSecret | undefined }> {
  const init = { body: request, headers: { 'Idempotency-Key': key } };
  const { password, id, username, role, enforced_at } = (await answer(
    loose.POST('/api/v1/api-users', init),
  )) as MintAnswer;
  return {
    minted: { id, username, role, label: request.label ?? null, enforced: enforced_at === undefined },
    secret: password === undefined ? undefined : new OneTimeSecret(password),
  };
}

/** Does a failed mint leave open whether something was minted? Everything but a refusal does. */
export const isAmbiguous = (problem: Problem): boolean => problem.isUnanswered || problem.status >= 500;

export const makeHandOver = async (
  apiUserId: string,
  ciphertext: string,
): Promise<{ readonly id: string; readonly expires_at: string }> =>
  (await answer(
    loose.POST('/api/v1/api-users/{id}/hand-overs', { params: { path: { id: apiUserId } }, body: { ciphertext } }),
  )) as { id: string; expires_at: string };

export const handOversOf = async (apiUserId: string, signal: AbortSignal): Promise<readonly HandOver[]> => {
  const init = { params: { path: { id: apiUserId } }, headers: BACKGROUND, signal };
  return ((await answer(loose.GET('/api/v1/api-users/{id}/hand-overs', init))) as { items: readonly HandOver[] }).items;
};

export const withdrawHandOver = async (id: string): Promise<void> => {
  await answer(loose.DELETE('/api/v1/hand-overs/{id}', { params: { path: { id } } }));
};

/** @throws {Problem} `hand-over.gone` once it was opened, has expired or was withdrawn; `hand-over.unknown` */
export const openHandOver = async (id: string): Promise<string> =>
  ((await answer(loose.POST('/api/v1/hand-overs/{id}/open', { params: { path: { id } } }))) as { ciphertext: string })
    .ciphertext;

interface Init {
  readonly params?: { readonly path: Readonly<Record<string, string>> };
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

type Send = (path: string, init: Init) => Promise<{ data?: unknown; response: Response }>;
const loose = api as unknown as Readonly<Record<'GET' | 'POST' | 'DELETE', Send>>;

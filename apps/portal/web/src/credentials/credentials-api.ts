import { answer, answered, api, BACKGROUND } from '../api/client.js';
import type { Problem } from '../api/problem.js';
import type { components } from '../api/schema.js';
import type { Minted, MintRequest } from './mint.js';
import { OneTimeSecret } from './one-time-secret.js';

export type HandOver = components['schemas']['HandOverList']['items'][number];

/** @returns the password apart from all else; undefined for a repetition, whose password nobody has */
export async function mint(
  request: MintRequest,
  key: string,
): Promise<{ readonly minted: Minted; readonly secret: OneTimeSecret | undefined }> {
  const init = { body: request, params: { header: { 'Idempotency-Key': key } } };
  const { data, status } = await answered(api.POST('/api/v1/api-users', init));
  const { password, id, username, role } = data;
  return {
    minted: { id, username, role, label: request.label ?? null, enforced: status === 201 },
    secret: password === undefined ? undefined : new OneTimeSecret(password),
  };
}

/** Does a failed mint leave open whether something was minted? Everything but a refusal does. */
export const isAmbiguous = (problem: Problem): boolean => problem.isUnanswered || problem.status >= 500;

export const makeHandOver = (apiUserId: string, ciphertext: string): Promise<Pick<HandOver, 'id' | 'expires_at'>> =>
  answer(api.POST('/api/v1/api-users/{id}/hand-overs', { params: { path: { id: apiUserId } }, body: { ciphertext } }));

export const handOversOf = async (apiUserId: string, signal: AbortSignal): Promise<readonly HandOver[]> => {
  const init = { params: { path: { id: apiUserId } }, headers: BACKGROUND, signal };
  return (await answer(api.GET('/api/v1/api-users/{id}/hand-overs', init))).items;
};

export async function withdrawHandOver(id: string): Promise<void> {
  await answer(api.DELETE('/api/v1/hand-overs/{id}', { params: { path: { id } } }));
}

/** @throws {Problem} `hand-over.opened`, `hand-over.withdrawn`, `hand-over.expired`, `hand-over.unknown` */
export const openHandOver = async (id: string): Promise<string> =>
  (await answer(api.POST('/api/v1/hand-overs/{id}/open', { params: { path: { id } } }))).ciphertext;

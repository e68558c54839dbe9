import { answer, answered, api, BACKGROUND } from '../../api/client.js';
import type { components } from '../../api/schema.js';

type Described = components['schemas'];
export type User = Described['User'];
export type Entry = Described['ActivityEntry'];
export type ApiUserNetworks = Described['ApiUserNetworks'];
export type RoleRef = Pick<Described['Role'], 'id' | 'name'>;
export type Person = Pick<Described['InviteRequest'], 'first_name' | 'last_name' | 'email' | 'role_id'>;
/** The answer to a change of status; `enforced_at` is null while the token service has not confirmed it. */
export type StatusChange = Described['UserStatus'];

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next_cursor: string | null;
  /** Null while it is not known. */
  readonly as_of: string | null;
}

export interface UserFilter {
  readonly type?: User['type'] | undefined;
  readonly status?: User['status'] | undefined;
  readonly q?: string | undefined;
}

const PAGE = 50;
const ENTRIES = 10;

export const listUsers = (filter: UserFilter, cursor: string | undefined, signal: AbortSignal): Promise<Page<User>> =>
  answer(api.GET('/api/v1/users', { params: { query: { ...set({ ...filter, cursor }), limit: PAGE } }, signal }));

export const userOf = (id: string, signal: AbortSignal, background = false): Promise<User> =>
  answer(api.GET('/api/v1/users/{id}', { params: { path: { id } }, signal, ...inBackground(background) }));

export const invite = (person: Person & { readonly status: User['status'] }): Promise<User> =>
  answer(api.POST('/api/v1/users', { body: person }));

export const change = (id: string, changed: Partial<Person>): Promise<User> =>
  answer(api.PATCH('/api/v1/users/{id}', { params: { path: { id } }, body: changed }));

export const resendInvite = (id: string): Promise<User> =>
  answer(api.POST('/api/v1/users/{id}/resend-invite', { params: { path: { id } } }));

export async function resetSecondFactor(id: string): Promise<void> {
  await answer(api.POST('/api/v1/users/{id}/reset-second-factor', { params: { path: { id } } }));
}

export async function remove(id: string): Promise<void> {
  await answer(api.DELETE('/api/v1/users/{id}', { params: { path: { id } } }));
}

/** @returns what changed with the position of the entry that proves it */
export async function setStatus(
  id: string,
  to: User['status'],
): Promise<StatusChange & { readonly position: string | undefined }> {
  const of = { params: { path: { id } } };
  const { data, position } = await answered(
    to === 'active' ? api.POST('/api/v1/users/{id}/reactivate', of) : api.POST('/api/v1/users/{id}/deactivate', of),
  );
  return { ...data, position };
}

export const rolesOf = async (signal: AbortSignal): Promise<readonly RoleRef[]> =>
  (await answer(api.GET('/api/v1/roles', { signal }))).items;

/** The last entries about one user. */
export const entriesOf = async (userId: string, signal: AbortSignal): Promise<readonly Entry[]> =>
  (await answer(api.GET('/api/v1/activity', { params: { query: { user_id: userId, limit: ENTRIES } }, signal }))).items;

/** The public keys of an API user, oldest first. */
export const keysOf = async (id: string, signal: AbortSignal): Promise<readonly Described['ApiUserKey'][]> =>
  (await answer(api.GET('/api/v1/api-users/{id}/keys', { params: { path: { id } }, signal }))).items;

/** @param key a PEM, or a JWK as JSON */
export const addKey = (id: string, key: string): Promise<Described['AddKeyResponse']> =>
  answer(api.POST('/api/v1/api-users/{id}/keys', { params: { path: { id } }, body: { public_key: key } }));

/** @returns whether it is confirmed that the key counts no more */
export async function removeKey(id: string, kid: string): Promise<boolean> {
  const { status } = await answered(api.DELETE('/api/v1/api-users/{id}/keys/{kid}', { params: { path: { id, kid } } }));
  return status === 204;
}

/** The networks that an API user is confined to; none for anywhere. */
export const networksOf = (id: string, signal: AbortSignal): Promise<ApiUserNetworks> =>
  answer(api.GET('/api/v1/api-users/{id}/networks', { params: { path: { id } }, signal }));

export const setNetworks = (id: string, networks: ApiUserNetworks): Promise<Described['SetNetworksResponse']> =>
  answer(api.PUT('/api/v1/api-users/{id}/networks', { params: { path: { id } }, body: networks }));

const inBackground = (background: boolean) => (background ? { headers: BACKGROUND } : {});

/** Without what is not set: a parameter is there or not. */
function set<Fields extends Record<string, string | undefined>>(fields: Fields) {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Fields]?: Exclude<Fields[Name], undefined>;
  };
}

import { answer, answered, api, BACKGROUND } from '../../api/client.js';

export interface RoleRef {
  readonly id: string;
  readonly name: string;
}

export interface User {
  readonly id: string;
  readonly type: 'portal' | 'api';
  readonly owner: boolean;
  readonly status: 'active' | 'inactive';
  readonly created_at: string;
  readonly role?: RoleRef;
  /** People. */
  readonly email?: string;
  readonly first_name?: string;
  readonly last_name?: string;
  /** Set until the person has chosen a password. */
  readonly invite?: { readonly expires_at: string; readonly expired: boolean } | null;
  readonly second_factor?: boolean;
  /** API users. */
  readonly username?: string;
  readonly label?: string | null;
  readonly replaces?: string | null;
  readonly replaced_by?: readonly string[];
  /** Null until /authorize decides by the status. */
  readonly enforced_at?: string | null;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next_cursor: string | null;
  readonly as_of: string;
}

export const FLAGS = ['unused', 'never_used', 'stopped_calling', 'refused_from_new_place'] as const;
export type Flag = (typeof FLAGS)[number];

/** What is known of the calls of one API user; short enough for a list. */
export interface Usage {
  readonly id: string;
  readonly last_used_at: string | null;
  readonly last_used_ip: string | null;
  readonly last_refused_at: string | null;
  readonly last_refused_ip: string | null;
  readonly calls_30d: number;
  readonly refused_30d: number;
  /** Tokens that still open protected APIs, and when the last of them expires. */
  readonly live_tokens: number;
  readonly last_expiry: string | null;
  readonly flags: readonly Flag[];
}

export interface Caller {
  readonly ip: string;
  readonly user_agent: string;
  readonly first_at: string;
  readonly last_at: string;
  readonly calls: number;
  readonly refused: number;
}

export interface UsageInFull extends Usage {
  readonly last_used_agent: string | null;
  readonly last_refused_reason: string | null;
  readonly hours: readonly { readonly at: string; readonly calls: number; readonly refused: number }[];
  readonly callers: readonly Caller[];
  readonly as_of: string;
}

export interface UserFilter {
  readonly type?: 'portal' | 'api' | undefined;
  readonly status?: 'active' | 'inactive' | undefined;
  readonly q?: string | undefined;
}

export interface Person {
  readonly first_name: string;
  readonly last_name: string;
  readonly email: string;
  readonly role_id: string;
}

/** The answer to a change of status. */
export interface StatusChange {
  readonly status: 'active' | 'inactive';
  /** Null while the token service has not confirmed it. */
  readonly enforced_at: string | null;
  /** Null when nobody could say. */
  readonly live_tokens?: number | null;
  readonly last_expiry?: string | null;
}

export const PAGE = 50;

export const listUsers = (filter: UserFilter, cursor: string | undefined, signal: AbortSignal): Promise<Page<User>> =>
  get('/api/v1/users', { query: { ...filter, cursor, limit: PAGE } }, signal);

export const userOf = (id: string, signal: AbortSignal, background = false): Promise<User> =>
  get('/api/v1/users/{id}', { path: { id } }, signal, background);

/** API users by what is silent about them; only what the audit side knows. */
export const listSilent = (flag: Flag, cursor: string | undefined, signal: AbortSignal): Promise<Page<Usage>> =>
  get('/api/v1/api-users/usage', { query: { flag, cursor, limit: 20 } }, signal);

export const usageOf = async (id: string, signal: AbortSignal, background = false): Promise<UsageInFull> =>
  get('/api/v1/api-users/{id}/usage', { path: { id } }, signal, background);

/** @param ids at most 100; the customer's own only come back */
export const usageOfMany = async (
  ids: readonly string[],
  signal: AbortSignal,
): Promise<{ items: readonly Usage[]; as_of: string }> =>
  (await answer(loose.POST('/api/v1/api-users/usage', { body: { ids }, headers: BACKGROUND, signal }))) as {
    items: readonly Usage[];
    as_of: string;
  };

export const invite = async (person: Person & { readonly status: 'active' | 'inactive' }): Promise<User> =>
  (await answer(loose.POST('/api/v1/users', { body: person }))) as User;

export const change = async (id: string, changed: Partial<Person>): Promise<User> =>
  (await answer(loose.PATCH('/api/v1/users/{id}', { params: { path: { id } }, body: changed }))) as User;

export const resendInvite = async (id: string): Promise<User> =>
  (await answer(loose.POST('/api/v1/users/{id}/resend-invite', { params: { path: { id } } }))) as User;

export const resetSecondFactor = async (id: string): Promise<void> => {
  await answer(loose.POST('/api/v1/users/{id}/reset-second-factor', { params: { path: { id } } }));
};

export const remove = async (id: string): Promise<void> => {
  await answer(loose.DELETE('/api/v1/users/{id}', { params: { path: { id } } }));
};

/** @returns what changed with the position of the entry that proves it */
export async function setStatus(
  id: string,
  to: 'active' | 'inactive',
): Promise<StatusChange & { readonly position: string | undefined }> {
  const path = to === 'active' ? '/api/v1/users/{id}/reactivate' : '/api/v1/users/{id}/deactivate';
  const { data, position } = await answered(loose.POST(path, { params: { path: { id } } }));
  return { ...(data as StatusChange), position };
}

export const rolesOf = async (signal: AbortSignal): Promise<readonly RoleRef[]> =>
  (await get<{ items: readonly RoleRef[] }>('/api/v1/roles', {}, signal)).items;

/** The last entries about one user; the same shape as on the page Activity. */
export interface Entry {
  readonly id: string;
  readonly event_type: string;
  readonly occurred_at: string;
  readonly outcome: 'success' | 'refused' | 'failed';
  readonly description: string;
}

export const entriesOf = (userId: string, signal: AbortSignal): Promise<Page<Entry>> =>
  get('/api/v1/activity', { query: { user_id: userId, limit: 10 } }, signal);

interface Parameters {
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
}

interface Init {
  readonly params?: Parameters;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

type Send = (path: string, init: Init) => Promise<{ data?: unknown; response: Response }>;
const loose = api as unknown as Readonly<Record<'GET' | 'POST' | 'PATCH' | 'DELETE', Send>>;

const get = async <Data>(path: string, params: Parameters, signal: AbortSignal, background = false): Promise<Data> =>
  (await answer(loose.GET(path, { params, signal, ...(background && { headers: BACKGROUND }) }))) as Data;

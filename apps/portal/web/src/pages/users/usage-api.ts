import type { Client } from 'openapi-fetch';
import { answer, api, BACKGROUND } from '../../api/client.js';

/** What can be silent about an API user. */
export type Flag = 'unused' | 'never_used' | 'stopped_calling' | 'refused_from_new_place';

/** What is known of the calls of one API user; short enough for a list. */
export interface Usage {
  readonly id: string;
  readonly last_used_at: string | null;
  readonly last_used_ip: string | null;
  readonly last_refused_at: string | null;
  readonly calls_30d: number;
  readonly refused_30d: number;
  /** Tokens that still open protected APIs, and when the last of them expires. */
  readonly live_tokens: number;
  readonly last_expiry: string | null;
  readonly flags: Flag[];
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
  readonly last_refused_ip: string | null;
  readonly last_refused_reason: string | null;
  readonly hours: { readonly at: string; readonly calls: number; readonly refused: number }[];
  readonly callers: Caller[];
  /** Null while it is not known how far the log has come. */
  readonly as_of: string | null;
}

export const FLAGS: readonly Flag[] = ['unused', 'never_used', 'stopped_calling', 'refused_from_new_place'];

/** Fewer at once than in other lists, since each of them is asked for by itself. */
const SILENT_PAGE = 20;

/** API users by what is silent about them. */
export const listSilent = (flag: Flag, cursor: string | undefined, signal: AbortSignal) => {
  const query = { flag, limit: SILENT_PAGE, ...(cursor !== undefined && { cursor }) };
  return answer(usage.GET('/api/v1/api-users/usage', { params: { query }, signal }));
};

export const usageOf = (id: string, signal: AbortSignal, background = false): Promise<UsageInFull> => {
  const init = { params: { path: { id } }, signal, ...(background && { headers: BACKGROUND }) };
  return answer(usage.GET('/api/v1/api-users/{id}/usage', init));
};

/** @param ids at most 100; the customer's own only come back */
export const usageOfMany = (ids: readonly string[], signal: AbortSignal) =>
  answer(usage.POST('/api/v1/api-users/usage', { body: { ids: [...ids] }, headers: BACKGROUND, signal }));

// Until the OpenAPI document describes these addresses.
const usage = api as unknown as Client<UsagePaths>;
type Json<Body> = { headers: Record<string, unknown>; content: { 'application/json': Body } };
interface UsagePaths {
  '/api/v1/api-users/usage': {
    get: {
      parameters: { query?: { flag?: Flag; cursor?: string; limit?: number } };
      responses: { 200: Json<{ items: Usage[]; next_cursor: string | null; as_of: string | null }> };
    };
    post: {
      parameters: { header?: Record<string, string> };
      requestBody: { content: { 'application/json': { ids: string[] } } };
      responses: { 200: Json<{ items: Usage[]; as_of: string | null }> };
    };
  };
  '/api/v1/api-users/{id}/usage': {
    get: {
      parameters: { path: { id: string }; header?: Record<string, string> };
      responses: { 200: Json<UsageInFull> };
    };
  };
}

import type { ActivityEntry } from '../activity/entry.js';
import { UsageSums } from './usage-sums.js';

/** What usage needs to know of an entry. */
export type UsedEntry = Pick<
  ActivityEntry,
  'id' | 'customerId' | 'userId' | 'actorId' | 'eventType' | 'occurredAt' | 'outcome' | 'metadata'
>;

/** What entries add to the usage of API users. A call that failed on our side is neither used nor refused. */
export function usageOf(entries: Iterable<UsedEntry>): UsageSums {
  const sums = new UsageSums();
  for (const entry of entries) {
    const { eventType, userId, actorId, outcome } = entry;
    if (userId === null) continue;
    if (eventType === 'api_user.create' || eventType === 'api_user.deactivate' || eventType === 'api_user.reactivate') {
      addState(sums, entry, userId);
    } else if (eventType === 'api.authorize' || eventType === 'api.call') {
      // What a portal user was refused is no use of an API user.
      if (actorId === null && outcome !== 'failed') addCall(sums, entry, userId);
    }
  }
  return sums;
}

function addState(sums: UsageSums, { customerId, occurredAt, id, eventType }: UsedEntry, apiUserId: string): void {
  const state = { customerId, apiUserId, active: eventType !== 'api_user.deactivate', activeAt: occurredAt };
  // It comes before whatever else is told of the same millisecond.
  if (eventType === 'api_user.create') sums.addUser({ ...state, createdAt: occurredAt, activeId: NIL });
  else sums.addUser({ ...state, activeId: id });
}

function addCall(sums: UsageSums, entry: UsedEntry, apiUserId: string): void {
  const { customerId, occurredAt: at, id, outcome, metadata } = entry;
  const whose = { customerId, apiUserId };
  const [ip, agent] = [textOf(metadata.ip), textOf(metadata.user_agent)];
  const used = outcome === 'success';
  const { count } = metadata;
  const counts = used ? { calls: 1, refused: 0 } : { calls: 0, refused: typeof count === 'number' ? count : 1 };
  if (used) sums.addUser({ ...whose, usedAt: at, usedId: id, usedIp: ip, usedAgent: agent });
  else {
    const refusedReason = typeof metadata.reason === 'string' ? metadata.reason : undefined;
    sums.addUser({ ...whose, refusedAt: at, refusedId: id, refusedIp: ip, refusedReason });
  }
  sums.addHour({ ...whose, hour: `${at.slice(0, 13)}:00:00Z`, ...counts });
  sums.addCaller({ ...whose, ip, agent, firstAt: at, lastAt: at, ...counts });
  // Nobody else issues tokens.
  const lastExpiry = used && metadata.service === 'token' ? expiryOf(metadata.token_expires_at, at) : undefined;
  if (lastExpiry === undefined) return;
  sums.addToken({ ...whose, minute: `${lastExpiry.slice(0, 16)}:00Z`, tokens: 1, lastExpiry });
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : 'unknown');

const NIL = '00000000-0000-0000-0000-000000000000';
const LONGEST_TOKEN_S = 366 * 86_400;

/** When the token that was issued expires, RFC 3339 UTC; undefined for none, and for a number that is no such moment. */
function expiryOf(seconds: unknown, issuedAt: string): string | undefined {
  if (typeof seconds !== 'number') return undefined;
  const issued = Date.parse(issuedAt) / 1000;
  if (!(seconds >= issued && seconds <= issued + LONGEST_TOKEN_S)) return undefined;
  return new Date(seconds * 1000).toISOString();
}

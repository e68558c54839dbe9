import type { Call } from '@rebelcore/contracts/call-events';
import { networkOf } from './networks.js';

/** Nobody was let in: wrong credentials, no valid token, or too many of either. */
const isUnauthenticated = ({ status }: Call): boolean => status === 401 || status === 429;

/**
 * Calls as they are recorded: those that were refused alike, from one source and for one name, are one item that says how many there
 * were, so that somebody who guesses fills no log. The order stays that of the first of each. Once there are so many that they are
 * throttled, which whole networks are, nothing tells them apart that their caller chooses: address, user agent, name of the call.
 */
export function foldRefusals(calls: readonly Call[]): Call[] {
  if (!calls.some(isUnauthenticated)) return [...calls];
  const folded = new Map<string, Call>();
  for (const call of calls) {
    const key = isUnauthenticated(call) ? likenessOf(call) : call.id;
    const first = folded.get(key);
    folded.set(key, first === undefined ? call : together(first, call));
  }
  return [...folded.values()];
}

function likenessOf(call: Call): string {
  const { route, status, reason, ip, userAgent, apiUserId, portalUserId, tokenId, callerCorrelationId } = call;
  const source = status === 429 ? [networkOf(ip)] : [ip, userAgent, callerCorrelationId];
  return JSON.stringify([route, status, reason, apiUserId, portalUserId, tokenId, ...source]);
}

function together(first: Call, next: Call): Call {
  const { at: firstAt, lastAt = firstAt, count = 1, ...rest } = first;
  return {
    ...rest,
    // Calls come in the order of their answers, not of their arrival.
    at: next.at < firstAt ? next.at : firstAt,
    count: count + 1,
    lastAt: next.at > lastAt ? next.at : lastAt,
  };
}

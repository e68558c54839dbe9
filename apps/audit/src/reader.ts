import type { ViewFreshness } from '@rebelcore/messaging/project/freshness';
import type { FastifyRequest } from 'fastify';

/** The customer of whoever is signed in. */
export function customerOf(request: FastifyRequest): string {
  if (request.portalUser === undefined) throw new Error('a route without the session guard asks for its customer');
  return request.portalUser.customerId;
}

/** To be asked before the rows: what they show may be newer than this, never older. Null while it is not known. */
export const asOf = (freshness: ViewFreshness, customerId: string): Date | null =>
  freshness.isBlocked(customerId) ? null : (freshness.asOf() ?? null);

import type { PortalUser } from '@rebelcore/api-access/session.guard';
import type { ViewFreshness } from '@rebelcore/messaging/project/freshness';
import type { FastifyRequest } from 'fastify';

/** Whoever is signed in. */
export function readerOf({ portalUser }: FastifyRequest): PortalUser {
  if (portalUser === undefined) throw new Error('a route without the session guard asks for its reader');
  return portalUser;
}

export const customerOf = (request: FastifyRequest): string => readerOf(request).customerId;

/** To be asked before the rows: what they show may be newer than this, never older. Null while it is not known. */
export const asOf = (freshness: ViewFreshness, customerId: string): Date | null =>
  freshness.isBlocked(customerId) ? null : (freshness.asOf() ?? null);

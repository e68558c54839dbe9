import rateLimit from '@fastify/rate-limit';
import { networkOf } from '@rebelcore/api-access/networks';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { PortalConfig } from './portal.config.js';
import { sendProblem } from './problems.js';
import type { RouteGroup } from './routes.js';

const MINUTE_MS = 60_000;

/** Makes {@link limitRate} possible within the instance. */
export const installRateLimits = (fastify: FastifyInstance): Promise<void> =>
  Promise.resolve(fastify.register(rateLimit, { global: false })).then(() => undefined);

/**
 * Refuses what one source, a /64 network with IPv6, asks of a group beyond its rate. The count is kept by each gateway,
 * for the 5 000 sources seen last.
 */
export function limitRate(fastify: FastifyInstance, { rate }: RouteGroup, config: PortalConfig): void {
  if (rate === 'unlimited') return;
  const max = rate === 'guessing' ? config.SIGN_INS_PER_MINUTE : config.REQUESTS_PER_MINUTE;
  const count = fastify.createRateLimit({
    max,
    timeWindow: MINUTE_MS,
    keyGenerator: ({ callerIp }) => networkOf(callerIp),
  });
  fastify.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    const counted = await count(request);
    if (counted.isAllowed || !counted.isExceeded) return undefined;
    const seconds = String(counted.ttlInSeconds);
    void reply.header('retry-after', seconds);
    return sendProblem(reply, 429, 'request.too-many', `Too many requests; please try again in ${seconds} s.`);
  });
}

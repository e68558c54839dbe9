import { readBody } from '@rebelcore/service/request-body';
import type { FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import type { RouteGroup } from './routes.js';

/**
 * The parser of bodies for a group of routes. It reads them before anything is asked of a service, so that whoever sends half
 * of one holds its own connection and none of those to the service. One that is too large becomes as many zeros as no service
 * takes: the service refuses it and records that.
 */
export function bodyReader({
  largestBody,
}: RouteGroup): (request: FastifyRequest, payload: IncomingMessage) => Promise<Buffer> {
  const tooLarge = Buffer.alloc(largestBody);
  return async (request, payload) => (await readBody(request, payload, largestBody - 1)) ?? tooLarge;
}

import type { FastifyRequest } from 'fastify';

/** Addresses for operators and for programs that read documents; who asks there is nobody's customer. */
const OPERATIONAL = /^\/(?:health|metrics|docs|openapi|\.well-known)\b/;

/** A call that was refused or failed, by the route that it came to however its address was spelled, or by none. */
export const isRefusedCall = ({ routeOptions }: FastifyRequest, status: number): boolean =>
  status >= 400 && !OPERATIONAL.test(routeOptions.url ?? '');

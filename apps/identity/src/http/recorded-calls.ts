import type { FastifyRequest } from 'fastify';

const recorded = new WeakSet<FastifyRequest>();

/** Says that an event tells of this refusal already, so that the activity log gets one entry and not two. */
export function recordedAsEvent(request: FastifyRequest): void {
  recorded.add(request);
}

const MANAGEMENT = /^\/(api|internal)\//;

/** Which calls are recorded: the refused ones of the management addresses. The others leave an event, or only read. */
export const isRefusedCall = (request: FastifyRequest, status: number): boolean =>
  status >= 400 && MANAGEMENT.test(request.url) && !recorded.has(request);

import type { FastifyRequest } from 'fastify';

const MANAGEMENT = /^\/(api|internal)\//;
/** The gateway asks for a token before it knows whether the address needs one, so this refuses nobody anything. */
const isTokenBeforeEnrolment = (url: string, status: number): boolean =>
  status === 403 && url.startsWith('/internal/session-tokens');

/** Which calls are recorded: the refused ones of the management addresses. The others leave an event, or only read. */
export const isRefusedCall = ({ url }: FastifyRequest, status: number): boolean =>
  status >= 400 && MANAGEMENT.test(url) && !isTokenBeforeEnrolment(url, status);

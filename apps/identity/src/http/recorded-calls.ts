import { ENROLLING_HEADER } from '@rebelcore/service/correlation';
import { isRefusedCall } from '@rebelcore/service/refused-calls';
import type { FastifyRequest } from 'fastify';

export const EXCHANGE = '/internal/session-tokens';

/**
 * Which calls are recorded: the refused ones. The others leave an event, or only read. Where the gateway asks for the token of a
 * session that is over, or that may only enrol, and goes on without, the service that it asks next says what became of it.
 */
export const isRecordedCall = (request: FastifyRequest, status: number): boolean => {
  const { routeOptions, headers } = request;
  const goesOn = status === 401 || (status === 403 && headers[ENROLLING_HEADER] === '1');
  return isRefusedCall(request, status) && !(routeOptions.url === EXCHANGE && goesOn);
};

import { SHED } from '@rebelcore/api-access/fold-refusals';
import { describeCall } from '@rebelcore/api-access/record-calls.plugin';
import { errorAnswer } from '@rebelcore/contracts/oauth-error';
import { problemDocument } from '@rebelcore/contracts/problem';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

const RETRY_AFTER_S = '1';
const OVERLOADED = problemDocument(
  503,
  SHED,
  'There are more requests than can be answered at the moment; please try again.',
);

/**
 * Has at most so many requests in work at once; who comes beyond them is answered 503 as soon as that is recorded. Without it
 * everybody waits for everybody, until nobody is answered in time. A request is in work from when it has come in whole, so that
 * slow ones take no place, until its answer is recorded, so that hanging up frees none.
 *
 * To be installed after the recording of calls.
 *
 * @param concerns whether a request counts
 */
export function shedLoad(
  fastify: FastifyInstance,
  maxInWork: number,
  concerns: (request: FastifyRequest) => boolean,
): void {
  const inWork = new Set<FastifyRequest>();
  const isTooMuch = (request: FastifyRequest): boolean => inWork.size >= maxInWork && concerns(request);
  // Before anything is spent on its body; and again, since others may have come in whole meanwhile.
  fastify.addHook('onRequest', (request, reply, done) => {
    if (isTooMuch(request)) shed(request, reply);
    else done();
  });
  fastify.addHook('preHandler', (request, reply, done) => {
    if (isTooMuch(request)) {
      shed(request, reply);
      return;
    }
    if (concerns(request)) inWork.add(request);
    done();
  });
  fastify.addHook('onSend', (request, _reply, _payload, done) => {
    inWork.delete(request);
    done();
  });
}

/** Past all handlers of errors, since what a refusal costs is what those pay who are served. */
function shed(request: FastifyRequest, reply: FastifyReply): void {
  describeCall(request, { reason: SHED });
  const { type, body } = errorAnswer(request.url, OVERLOADED);
  void reply.code(503).header('retry-after', RETRY_AFTER_S).type(type).send(body);
}

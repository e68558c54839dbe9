import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { refusalTogether, type RefusalOptions } from './refuse-together.js';
import { beforeFastify } from './sent-ahead.js';

export interface LoadLimit extends RefusalOptions {
  /** At most so many requests are in work at once. */
  readonly maxInWork: number;
  /** Of those to these addresses, without parameters. */
  readonly addresses: ReadonlySet<string>;
}

/**
 * Has at most so many requests in work at once; who comes beyond them is answered 503 as soon as that is recorded. Without it
 * everybody waits for everybody, until nobody is answered in time. A request is in work from when it has come in whole, so that
 * slow ones take no place, until its answer is recorded, so that hanging up frees none.
 *
 * To be installed after the recording of calls.
 */
export function shedLoad(fastify: FastifyInstance, limit: LoadLimit): void {
  const { maxInWork, addresses } = limit;
  const inWork = new Set<FastifyRequest>();
  const isTooMuch = (): boolean => inWork.size >= maxInWork;
  const refuse = refusalTogether(limit);

  // In front of Fastify, since what a refusal costs is what those pay who are served.
  beforeFastify(fastify.server, (serve, request, response) => {
    const [address = ''] = (request.url ?? '').split('?', 1);
    if (isTooMuch() && addresses.has(address)) refuse(request, response, address);
    else serve(request, response);
  });
  // And again, since others may have come in whole meanwhile, and an address has more than one spelling.
  fastify.addHook('preHandler', (request: FastifyRequest, reply: FastifyReply, done) => {
    const { url: address = '' } = request.routeOptions;
    if (!addresses.has(address)) done();
    else if (isTooMuch()) {
      reply.hijack();
      refuse(request.raw, reply.raw, address);
    } else {
      inWork.add(request);
      done();
    }
  });
  fastify.addHook('onSend', (request, _reply, _payload, done) => {
    inWork.delete(request);
    done();
  });
}

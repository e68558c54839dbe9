import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Pool } from 'pg';

const urgent = new AsyncLocalStorage<true>();

/** Which requests must not wait behind others: they have connections to the database that nobody else takes. */
export type IsUrgent = (request: FastifyRequest) => boolean;

export function installUrgentLane(fastify: FastifyInstance, isUrgent: IsUrgent): void {
  fastify.addHook('preHandler', (request, _, done) => {
    if (isUrgent(request)) urgent.run(true, done);
    else done();
  });
}

/** The pool `usual` for everything, except for what is done on behalf of an urgent request: that takes `reserved`. */
export function withUrgentLane(usual: Pool, reserved: Pool): Pool {
  const lanes = Object.create(usual) as Pool;
  const lane = () => (urgent.getStore() === true ? reserved : usual);
  lanes.connect = ((...given: []) => lane().connect(...given)) as Pool['connect'];
  lanes.query = ((...given: [string]) => lane().query(...given)) as Pool['query'];
  return lanes;
}

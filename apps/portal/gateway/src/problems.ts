import { PROBLEM_MEDIA_TYPE, problemDocument, type Problem } from '@rebelcore/contracts/problem';
import type { FastifyReply, RawServerBase, RouteGenericInterface } from 'fastify';

/** As the proxy types it: of HTTP/1 or HTTP/2. */
export type Reply = FastifyReply<RouteGenericInterface, RawServerBase>;

export const sendProblem = (reply: Reply, status: number, code: string, detail: string): Reply =>
  passProblem(reply, status, problemDocument(status, code, detail));

/** One that somebody else has written. */
export const passProblem = (reply: Reply, status: number, problem: Problem): Reply =>
  reply.status(status).type(PROBLEM_MEDIA_TYPE).send(JSON.stringify(problem));

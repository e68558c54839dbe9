import { errorAnswer } from '@rebelcore/contracts/oauth-error';
import { problemDocument, type Problem } from '@rebelcore/contracts/problem';
import type { FastifyReply, RawServerBase, RouteGenericInterface } from 'fastify';

/** As the proxy types it: of HTTP/1 or HTTP/2. */
export type Reply = FastifyReply<RouteGenericInterface, RawServerBase>;

export const sendProblem = (reply: Reply, status: number, code: string, detail: string): Reply =>
  passProblem(reply, status, problemDocument(status, code, detail));

/** One that somebody else has written; in the shape of errors at the address that was asked for. */
export function passProblem(reply: Reply, status: number, problem: Problem): Reply {
  const { type, body } = errorAnswer(reply.request.raw.url, { status, ...problem });
  return reply.status(status).type(type).send(body);
}

import { Logger } from '@nestjs/common';
import { describeCall } from '@rebelcore/api-access/record-calls.plugin';
import { oauthErrorCode, oauthErrorDocument } from '@rebelcore/contracts/oauth-error';
import type { Problem } from '@rebelcore/contracts/problem';
import { ProblemException } from '@rebelcore/service/problem';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';

/** Of RFC 6749, section 5.2, RFC 8707 and RFC 9449; each with the status that it has. */
const STATUSES = {
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  invalid_scope: 400,
  invalid_target: 400,
  invalid_dpop_proof: 400,
} as const;

/** A refusal that a client library understands. */
export class OAuthError extends Error {
  readonly status: number;

  /** @param description one sentence for a developer, without secrets */
  constructor(
    readonly code: keyof typeof STATUSES,
    description: string,
    status?: number,
  ) {
    super(description);
    this.name = 'OAuthError';
    this.status = status ?? STATUSES[code];
  }
}

/** Unknown, wrong and inactive alike. */
export const invalidClient = (): OAuthError =>
  new OAuthError('invalid_client', 'The client could not be authenticated.');

const logger = new Logger('OAuth');
const CHALLENGE = 'Basic realm="RebelCore API users", charset="UTF-8"';

/** Writes whatever was thrown as RFC 6749 describes errors. */
export function sendOAuthError(
  error: FastifyError | OAuthError | ProblemException,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  if (error instanceof OAuthError) {
    if (request.call?.reason === undefined) describeCall(request, { reason: `oauth.${error.code}` });
    if (error.status === 401) void reply.header('www-authenticate', CHALLENGE);
    send(reply, error.status, error.code, error.message);
  } else if (error instanceof ProblemException) {
    const { detail } = error.getResponse() as Problem;
    if (error.retryAfter !== undefined) void reply.header('retry-after', String(error.retryAfter));
    send(reply, error.getStatus(), oauthErrorCode(error.getStatus()), detail);
  } else {
    const status = error.statusCode ?? 500;
    if (status >= 500) logger.error({ correlationId: request.id, err: error, msg: 'a request failed unexpectedly' });
    const description = status < 500 ? 'The request cannot be read.' : failed(request.id);
    send(reply, status, oauthErrorCode(status), description);
  }
}

const failed = (correlationId: string) =>
  `Something went wrong on our side: quote ${correlationId} when you report it.`;

function send(reply: FastifyReply, status: number, code: string, description: string): void {
  void reply
    .status(status)
    .type('application/json')
    .send(JSON.stringify(oauthErrorDocument(code, description)));
}

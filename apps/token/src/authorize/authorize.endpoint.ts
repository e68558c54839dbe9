import { PROBLEM_MEDIA_TYPE } from '@rebelcore/contracts/problem';
import { authorizeRequest } from '@rebelcore/contracts/published-api';
import { readValid, sendProblem } from '@rebelcore/service/problem';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ApiUserAuthentication } from './api-user-authentication.js';
import type { TokenIssuer } from './token-issuer.js';

const INVALID_CREDENTIALS = JSON.stringify({ detail: 'invalid credentials' });

export interface AuthorizeEndpoint {
  readonly authentication: ApiUserAuthentication;
  readonly issuer: TokenIssuer;
}

/** `POST /api/v1/authorize`, as a plain Fastify route: it is asked more often than everything else together. */
export function installAuthorize(fastify: FastifyInstance, endpoint: AuthorizeEndpoint): void {
  fastify.post('/api/v1/authorize', { errorHandler: sendProblem }, authorizeEndpoint(endpoint));
}

const authorizeEndpoint =
  ({ authentication, issuer }: AuthorizeEndpoint) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const { username, password } = readValid(authorizeRequest, request.body);
    const apiUser = await authentication.byPassword(request, username, password);
    if (apiUser === undefined) {
      // Without the challenge some clients take the answer for a broken connection.
      void reply.status(401).header('www-authenticate', 'Bearer').type(PROBLEM_MEDIA_TYPE);
      return reply.send(INVALID_CREDENTIALS);
    }
    const { token, expiresAt } = issuer.issue(request, apiUser);
    void reply.type('application/json');
    return reply.send(JSON.stringify({ token, expires_at: expiresAt, token_type: 'Bearer' }));
  };

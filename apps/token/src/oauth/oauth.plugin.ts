import { takeFormBodies } from '@rebelcore/service/request-body';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { OAuthError, sendOAuthError } from './oauth-error.js';

type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;

/**
 * Everything below `/oauth2`: plain Fastify routes that take forms alone, and whose every answer, errors of Fastify's own
 * among them, is JSON as RFC 6749 describes it.
 *
 * @param bodyLimit bytes
 * @param endpoints by path below `/oauth2`; each takes POST alone
 */
export function installOAuth(
  fastify: FastifyInstance,
  bodyLimit: number,
  endpoints: Readonly<Record<string, Handler>>,
): void {
  void fastify.register(
    (scope, _, done) => {
      takeFormBodies(scope, bodyLimit);
      scope.addHook('onRequest', (_request, reply, next) => {
        void reply.header('cache-control', 'no-store').header('pragma', 'no-cache');
        next();
      });
      scope.setErrorHandler(sendOAuthError);
      scope.setNotFoundHandler((request, reply) => {
        sendOAuthError(new OAuthError('invalid_request', 'There is nothing at this address.', 404), request, reply);
      });
      const others = scope.supportedMethods.filter((method) => method !== 'POST');
      for (const [url, handler] of Object.entries(endpoints)) {
        scope.route({ method: 'POST', url, handler });
        // Before a body is read.
        scope.route({ method: others, url, onRequest: refuseMethod, handler: refuseMethod });
      }
      done();
    },
    { prefix: '/oauth2' },
  );
}

function refuseMethod(request: FastifyRequest, reply: FastifyReply): void {
  void reply.header('allow', 'POST');
  sendOAuthError(new OAuthError('invalid_request', 'This address takes POST alone.', 405), request, reply);
}

import { Logger } from '@nestjs/common';
import httpProxy from '@fastify/http-proxy';
import { PROBLEM_MEDIA_TYPE, problemDocument } from '@rebelcore/contracts/problem';
import { sessionTokenOf } from '@rebelcore/service/session-cookie';
import type { FastifyInstance, FastifyReply, FastifyRequest, RawServerBase, RouteGenericInterface } from 'fastify';
import { securityHeaders, toCaller } from './answer-headers.js';
import { mayWrite } from './origin-rule.js';
import type { PortalConfig } from './portal.config.js';
import { admitBody } from './request-body.js';
import { isPlainPath, ROUTES, upstreamOf, type Credentials, type RouteGroup } from './routes.js';
import { authorizationFor } from './session-exchange.js';
import { toUpstream } from './upstream-headers.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The Authorization that the service is to see, once the session is exchanged. */
    upstreamAuthorization: string | undefined;
  }
}

/** As the proxy types it: of HTTP/1 or HTTP/2. */
type Reply = FastifyReply<RouteGenericInterface, RawServerBase>;

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
/** Longer than the slowest answer on purpose: a deactivation waits up to 5 s for its confirmation. */
const ANSWER_TIMEOUT_MS = 15_000;
const logger = new Logger('Gateway');

/**
 * Puts the gateway in front of everything that is registered afterwards, and proxies the services' routes. A request goes
 * through routes, origin rule, request body, session exchange and upstream headers; its answer through answer headers.
 */
export async function installGateway(fastify: FastifyInstance, config: PortalConfig): Promise<void> {
  const { origin: publicOrigin, protocol } = new URL(config.PUBLIC_URL);
  fastify.decorateRequest('upstreamAuthorization', undefined);

  fastify.addHook('onRequest', async (request, reply) => {
    if (!isPlainPath(request.raw.url ?? '')) {
      return sendProblem(reply, 404, 'resource.not-found', 'There is nothing at this address.');
    }
    const { method, headers } = request;
    const site = headers['sec-fetch-site'];
    const facts = { method, origin: headers.origin, secFetchSite: site?.toString(), host: headers.host };
    if (mayWrite(facts, publicOrigin)) return undefined;
    return sendProblem(reply, 403, 'request.foreign-origin', 'Only pages of this origin may send this request.');
  });
  fastify.addHook('onSend', async (request, reply) => {
    void reply.headers(securityHeaders(request.url, protocol === 'https:'));
    if (!reply.hasHeader('cache-control')) void reply.header('cache-control', 'no-store');
    return Promise.resolve();
  });
  for (const group of ROUTES) await fastify.register(httpProxy, proxyOptions(group, config, protocol.slice(0, -1)));
}

function proxyOptions(group: RouteGroup, config: PortalConfig, scheme: string): httpProxy.FastifyHttpProxyOptions {
  const { service, credentials, prefixes } = group;
  return {
    upstream: upstreamOf(service, config),
    routes: prefixes.flatMap((prefix) => [prefix, `${prefix}/*`]),
    httpMethods: METHODS,
    destroyAgent: true,
    disableRequestLogging: true,
    undici: {
      connections: 128,
      pipelining: 1,
      connectTimeout: 2_000,
      headersTimeout: ANSWER_TIMEOUT_MS,
      bodyTimeout: ANSWER_TIMEOUT_MS,
      // Below the services' own keep-alive, so that a connection is not used while its other end closes it.
      keepAliveTimeout: 30_000,
      keepAliveMaxTimeout: 60_000,
    },
    preHandler: (request, reply, done) => {
      prepare(request, reply, credentials, config.IDENTITY_URL).then(
        (isPrepared) => {
          if (isPrepared) done();
        },
        (error: unknown) => {
          logger.warn({ err: error, correlationId: request.id, msg: 'a request could not be forwarded' });
          unavailable(reply, 503);
        },
      );
    },
    replyOptions: {
      // A service's own 503 with Retry-After is an answer; only a connection lost while nothing was sent is tried again.
      retryDelay: ({ err, req, attempt }) => (attempt === 0 && isLostRead(err, req.method) ? 1 : null),
      rewriteRequestHeaders: (request, headers) =>
        toUpstream(headers, {
          method: request.method,
          ip: request.ip,
          correlationId: request.id,
          scheme,
          authorization: request.upstreamAuthorization,
          sessionCookie: credentials === 'cookie' ? sessionTokenOf(request.headers) : undefined,
        }),
      rewriteHeaders: (headers) => toCaller(headers, credentials === 'cookie'),
      onError: (reply, { error }) => {
        const cause = error.cause instanceof Error ? error.cause : error;
        logger.warn({ err: cause, correlationId: reply.request.id, service, msg: 'a service did not answer' });
        unavailable(reply, isTimeout(cause) ? 504 : 503);
      },
    },
  };
}

/** False when the request has been answered. */
async function prepare(
  request: FastifyRequest,
  reply: Reply,
  credentials: Credentials,
  identityUrl: string,
): Promise<boolean> {
  if (!(await admitBody(request))) {
    void reply.header('connection', 'close');
    sendProblem(reply, 413, 'request.too-large', 'body: is larger than this address accepts');
    return false;
  }
  request.upstreamAuthorization = await authorizationFor(request, credentials, identityUrl);
  return true;
}

function unavailable(reply: Reply, status: 503 | 504): void {
  const detail =
    status === 504
      ? 'The service behind this address did not answer in time.'
      : 'The service behind this address cannot be reached at the moment; please try again.';
  void reply.header('retry-after', '1');
  sendProblem(reply, status, status === 504 ? 'upstream.timeout' : 'upstream.unavailable', detail);
}

function sendProblem(reply: Reply, status: number, code: string, detail: string): Reply {
  return reply
    .status(status)
    .type(PROBLEM_MEDIA_TYPE)
    .send(JSON.stringify(problemDocument(status, code, detail)));
}

const codeOf = (error: unknown): unknown => (error instanceof Error ? Reflect.get(error, 'code') : undefined);
const isTimeout = (error: unknown): boolean => /TIMEOUT/.test(String(codeOf(error)));
const isLostRead = (error: unknown, method: string): boolean =>
  (method === 'GET' || method === 'HEAD') && codeOf(error) === 'UND_ERR_SOCKET';

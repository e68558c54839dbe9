import { Logger } from '@nestjs/common';
import httpProxy from '@fastify/http-proxy';
import { problemDocument } from '@rebelcore/contracts/problem';
import type { FastifyInstance, FastifyReply, FastifyRequest, RawServerBase, RouteGenericInterface } from 'fastify';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { mayWrite } from './origin-rule.js';
import type { PortalConfig } from './portal.config.js';
import { isPlainPath, ROUTES, upstreamOf, type RouteGroup } from './routes.js';
import { securityHeaders } from './security-headers.js';
import { exchangeSession } from './session-exchange.js';
import { sessionCookieOf, toCaller, toUpstream } from './upstream-headers.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The token of the caller's session, once exchanged. */
    sessionToken?: string | undefined;
  }
}

/** As the proxy types them: of HTTP/1 or HTTP/2. */
type Request = FastifyRequest<RouteGenericInterface, RawServerBase>;
type Reply = FastifyReply<RouteGenericInterface, RawServerBase>;

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
/** Longer than the slowest answer on purpose: a deactivation waits up to 5 s for its confirmation. */
const ANSWER_TIMEOUT_MS = 15_000;
/** Bytes; twice of what any service takes. */
const LARGEST_HANDED_ON = 128 * 1024;
const LARGEST_DISCARDED = 16 * 1024 * 1024;
const logger = new Logger('Gateway');

/** Puts the gateway in front of everything that is registered afterwards, and hands the services' routes on to them. */
export async function installGateway(fastify: FastifyInstance, config: PortalConfig): Promise<void> {
  const { origin: publicOrigin, protocol } = new URL(config.PUBLIC_URL);
  fastify.decorateRequest('sessionToken', undefined);

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
      prepare(request, reply, group, config).then(
        (goOn) => {
          if (goOn) done();
        },
        (error: unknown) => {
          logger.warn({ err: error, correlationId: request.id, msg: 'a request could not be handed on' });
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
          authorization: authorizationOf(request, group),
          sessionCookie: credentials === 'cookie' ? sessionCookieOf(request.headers) : undefined,
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
  group: RouteGroup,
  config: PortalConfig,
): Promise<boolean> {
  const length = Number(request.headers['content-length'] ?? 0);
  if (length > LARGEST_DISCARDED) {
    void reply.header('connection', 'close');
    sendProblem(reply, 413, 'request.too-large', 'body: is larger than this address accepts');
    return false;
  }
  if (length > LARGEST_HANDED_ON) await withholdBody(request);
  await exchange(request, group, config);
  return true;
}

/**
 * The service refuses such a body by its announced length, and closes. Whoever still sends then may never see the answer,
 * so the caller's body ends here, and the service gets its headers and one byte, with which they are sent.
 */
async function withholdBody(request: FastifyRequest): Promise<void> {
  await finished(request.raw.resume());
  const unending = new Readable({ read: () => undefined });
  unending.push(' ');
  request.body = unending;
}

async function exchange(request: FastifyRequest, group: RouteGroup, config: PortalConfig): Promise<void> {
  if (group.credentials !== 'session') return;
  const cookie = sessionCookieOf(request.headers);
  if (cookie === undefined) return;
  request.sessionToken = await exchangeSession(config.IDENTITY_URL, cookie, {
    ip: request.ip,
    correlationId: request.id,
  });
}

/**
 * Where a session counts and there is one, even one that is over, it wins over the caller's own header. Without any,
 * the header passes, so that the service can refuse and record what was tried.
 */
function authorizationOf(request: Request, { credentials }: RouteGroup): string | undefined {
  if (credentials !== 'session' || sessionCookieOf(request.headers) === undefined) return request.headers.authorization;
  return request.sessionToken === undefined ? undefined : `Bearer ${request.sessionToken}`;
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
  const body = JSON.stringify(problemDocument(status, code, detail));
  return reply.status(status).type('application/problem+json').send(body);
}

const codeOf = (error: unknown): unknown => (error instanceof Error ? Reflect.get(error, 'code') : undefined);
const isTimeout = (error: unknown): boolean => /TIMEOUT/.test(String(codeOf(error)));
const isLostRead = (error: unknown, method: string): boolean =>
  (method === 'GET' || method === 'HEAD') && codeOf(error) === 'UND_ERR_SOCKET';

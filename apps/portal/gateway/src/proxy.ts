import { Logger } from '@nestjs/common';
import httpProxy from '@fastify/http-proxy';
import type { Problem } from '@rebelcore/contracts/problem';
import { ProblemException } from '@rebelcore/service/problem';
import { sessionTokenOf } from '@rebelcore/service/session-cookie';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import { toCaller } from './answer-headers.js';
import { sendWithLiveTokens } from './live-tokens.js';
import { InFlight, type Crowded } from './in-flight.js';
import { mayWrite } from './origin-rule.js';
import type { PortalConfig } from './portal.config.js';
import { passProblem, sendProblem, type Reply } from './problems.js';
import { installRateLimits, limitRate } from './rate-limit.js';
import { bodyReader } from './request-body.js';
import { isPlainPath, ROUTES, upstreamOf, type RouteGroup } from './routes.js';
import { credentialFor, type Credential } from './session-exchange.js';
import { toUpstream } from './upstream-headers.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** How the service is to know the caller, once the session is exchanged. */
    credential: Credential | undefined;
    /** Bytes that are announced to the service; undefined for a request without a body. */
    bodyLength: number | undefined;
    /** To be called when the service has answered, see {@link InFlight}. */
    underWay: (() => void)[] | undefined;
  }
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
const logger = new Logger('Gateway');

/**
 * Puts the gateway in front of everything that is registered afterwards, and proxies the services' routes. A request goes
 * through origin rule, rate limit, request body, session exchange and upstream headers; its answer through answer headers.
 */
export async function installGateway(fastify: FastifyInstance, config: PortalConfig): Promise<void> {
  const { origin, protocol } = new URL(config.PUBLIC_URL);
  const ours = new Set([origin, ...config.PUBLIC_ORIGINS]);
  fastify.decorateRequest('credential', undefined);
  fastify.decorateRequest('bodyLength', undefined);
  fastify.decorateRequest('underWay', undefined);

  fastify.addHook('onRequest', async (request, reply) => {
    if (!isPlainPath(request.raw.url ?? '')) {
      return sendProblem(reply, 404, 'resource.not-found', 'There is nothing at this address.');
    }
    const { method, headers } = request;
    const site = headers['sec-fetch-site'];
    const facts = { method, origin: headers.origin, secFetchSite: site?.toString() };
    if (mayWrite(facts, ours)) return undefined;
    return sendProblem(reply, 403, 'request.foreign-origin', 'Only pages of this origin may send this request.');
  });
  await installRateLimits(fastify);
  for (const group of ROUTES) {
    await fastify.register(async (scope) => {
      limitRate(scope, group, config);
      scope.setErrorHandler((error, _, reply) => {
        answerFailure(error, reply);
      });
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser('*', bodyReader(group));
      scope.addHook('onSend', (request, _, payload, done) => {
        // What is passed on part by part is under way until the service has ended it.
        if (payload instanceof Readable)
          payload.once('close', () => {
            answered(request);
          });
        else answered(request);
        done();
      });
      await scope.register(httpProxy, proxyOptions(group, config, protocol.slice(0, -1)));
    });
  }
}

function proxyOptions(group: RouteGroup, config: PortalConfig, scheme: string): httpProxy.FastifyHttpProxyOptions {
  const { service, credentials, prefixes, answerTimeout, connections, mostOfOne } = group;
  const inFlight = new InFlight({ most: 4 * connections, mostOfOne });
  return {
    upstream: upstreamOf(service, config),
    routes: prefixes.flatMap((prefix) => [prefix, `${prefix}/*`]),
    httpMethods: METHODS,
    // The scope has its own parser of bodies.
    proxyPayloads: false,
    destroyAgent: true,
    disableRequestLogging: true,
    undici: {
      connections,
      pipelining: 1,
      connectTimeout: 2_000,
      headersTimeout: answerTimeout,
      bodyTimeout: answerTimeout,
      // Below the services' own keep-alive, so that a connection is not used while its other end closes it.
      keepAliveTimeout: 30_000,
      keepAliveMaxTimeout: 60_000,
    },
    preHandler: (request, reply, done) => {
      admit(request, reply, inFlight, group, config).then(
        (isAdmitted) => {
          if (isAdmitted) done();
        },
        (error: unknown) => {
          logger.warn({ err: error, correlationId: request.id, msg: 'a request could not be forwarded' });
          unavailable(reply, 503);
        },
      );
    },
    handler: (request, reply, destination, options) => {
      const body = request.body as Buffer | undefined;
      request.bodyLength = body?.length;
      // With a type beside them the proxy takes the bytes as they are; toUpstream brings back the caller's own.
      const bytes = body !== undefined && { body, contentType: 'application/octet-stream' };
      return reply.from(destination, { ...options, ...bytes });
    },
    replyOptions: {
      // A service's own 503 with Retry-After is an answer; only a connection lost while nothing was sent is tried again.
      retryDelay: ({ err, req, attempt }) => (attempt === 0 && isLostRead(err, req.method) ? 1 : null),
      rewriteRequestHeaders: (request, headers) =>
        toUpstream(headers, {
          method: request.method,
          ip: request.callerIp,
          scheme,
          contentType: request.headers['content-type'],
          contentLength: request.bodyLength,
          authorization: request.credential?.authorization,
          sessionCookie: request.credential?.sessionCookie,
        }),
      rewriteHeaders: (headers, request) => {
        // Its caller hung up before it was read to its end: the proxy lets go of the answer without a word to any hook.
        if (request?.raw.destroyed === true && !request.raw.readableEnded) answered(request);
        return toCaller(headers, credentials === 'cookie' || credentials === 'enrolling');
      },
      onError: (reply, { error }) => {
        const cause = error.cause instanceof Error ? error.cause : error;
        logger.warn({ err: cause, correlationId: reply.request.id, service, msg: 'a service did not answer' });
        unavailable(reply, isTimeout(cause) ? 504 : 503);
      },
      onResponse: group.addsLiveTokens ? addLiveTokens(config.AUDIT_URL) : group.isStream ? beginAtOnce : sendWhole,
    },
  };
}

/** False when the request has been answered. */
async function admit(
  request: FastifyRequest,
  reply: Reply,
  inFlight: InFlight,
  group: RouteGroup,
  config: PortalConfig,
): Promise<boolean> {
  const underWay: (() => void)[] = [];
  request.underWay = underWay;
  const isCounted = (begun: (() => void) | Crowded): boolean => {
    if (typeof begun === 'string') crowded(reply, begun);
    else underWay.push(begun);
    return typeof begun !== 'string';
  };
  const session = group.credentials === 'own' ? undefined : sessionTokenOf(request);
  if (!isCounted(inFlight.begin())) return false;
  if (session !== undefined && !isCounted(inFlight.beginFor(session))) return false;
  const credential = await credentialFor(request, group, config.IDENTITY_URL);
  if ('forbidden' in credential) {
    passProblem(reply, 403, credential.forbidden);
    return false;
  }
  const { customerId } = credential;
  if (customerId !== undefined && !isCounted(inFlight.beginFor(customerId))) return false;
  request.credential = credential;
  return true;
}

/**
 * A request is under way until the service has answered it, and not until its caller has the answer: of requests that were sent
 * ahead on one connection all answers wait for the first one to be read. Hanging up ends nothing, since the service works on.
 */
function answered(request: Pick<FastifyRequest, 'underWay'>): void {
  for (const end of request.underWay?.splice(0) ?? []) end();
}

function crowded(reply: Reply, by: Crowded): void {
  void reply.header('retry-after', '1');
  if (by === 'party') {
    sendProblem(reply, 429, 'request.crowded', 'Too many of your requests are under way; please try again.');
  } else {
    sendProblem(reply, 503, 'upstream.crowded', 'Too many requests are under way at the moment; please try again.');
  }
}

type OnResponse = NonNullable<NonNullable<httpProxy.FastifyHttpProxyOptions['replyOptions']>['onResponse']>;

const LARGEST_HELD = 256 * 1024;

/** A small answer is read whole, so that whoever does not read it holds no connection to the service. */
const sendWhole: OnResponse = (_, reply, { stream }) => {
  const length = Number(reply.getHeader('content-length') ?? NaN);
  if (!(length <= LARGEST_HELD)) {
    void reply.send(stream);
    return;
  }
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('end', () => {
    const [only] = chunks;
    void reply.send(chunks.length === 1 ? only : Buffer.concat(chunks));
  });
  stream.on('error', (error) => {
    void reply.removeHeader('content-length');
    answerFailure(error, reply);
  });
};

/** The reader learns that the stream is open before there is anything in it. */
const beginAtOnce: OnResponse = (_, reply, { stream }) => {
  stream.once('resume', () => {
    if ('flushHeaders' in reply.raw) reply.raw.flushHeaders();
  });
  void reply.send(stream);
};

const addLiveTokens =
  (auditUrl: string): OnResponse =>
  ({ id: correlationId, callerIp: ip, params, credential }, reply, { stream }) => {
    const { id: apiUserId } = params as { readonly id: string };
    const asked = { apiUserId, ip, correlationId, authorization: credential?.authorization, auditUrl };
    sendWithLiveTokens(reply, stream, asked).catch((error: unknown) => {
      answerFailure(error, reply);
    });
  };

/** A body that was refused, or a service that began an answer and did not go on. */
function answerFailure(error: unknown, reply: Reply): void {
  if (error instanceof ProblemException) {
    passProblem(reply, error.getStatus(), error.getResponse() as Problem);
    return;
  }
  logger.warn({ err: error, correlationId: reply.request.id, msg: 'an answer broke off' });
  unavailable(reply, isTimeout(error) ? 504 : 503);
}

function unavailable(reply: Reply, status: 503 | 504): void {
  const detail =
    status === 504
      ? 'The service behind this address did not answer in time.'
      : 'The service behind this address cannot be reached at the moment; please try again.';
  void reply.header('retry-after', '1');
  sendProblem(reply, status, status === 504 ? 'upstream.timeout' : 'upstream.unavailable', detail);
}

const codeOf = (error: unknown): unknown => (error instanceof Error ? Reflect.get(error, 'code') : undefined);
const isTimeout = (error: unknown): boolean => /TIMEOUT/.test(String(codeOf(error)));
const isLostRead = (error: unknown, method: string): boolean =>
  (method === 'GET' || method === 'HEAD') && codeOf(error) === 'UND_ERR_SOCKET';

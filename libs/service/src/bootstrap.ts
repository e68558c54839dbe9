import type { INestApplication, Type, DynamicModule } from '@nestjs/common';
import type { CustomTransportStrategy } from '@nestjs/microservices';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { CallRecorder } from '@rebelcore/api-access/call-recorder';
import { recordCalls, type RecordCallsOptions } from '@rebelcore/api-access/record-calls.plugin';
import { refusedHolder } from '@rebelcore/api-access/refused-holder';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Logger } from 'nestjs-pino';
import { messageOf } from '@rebelcore/messaging/logger';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ArrivalClock } from './arrival-clock.js';
import { answerForNode, belowRouter, type WriteHeaders } from './below-router.js';
import type { ServiceConfig } from './config.js';
import { clientAddress, UNKNOWN_ADDRESS } from './client-address.js';
import { CORRELATION_HEADER, newCorrelationId } from './correlation.js';
import { withProblems, withSchemesNamed } from './openapi.js';
import { ProblemException, ProblemFilter, schemaPipe } from './problem.js';
import { PublishedDocument, publishDocument } from './published-document.js';
import { finishReading, mayHaveMore, mendContentType, takeJsonBodies } from './request-body.js';
import { boundSentAhead } from './sent-ahead.js';
import { SESSION_COOKIE } from './session-cookie.js';
import { installUrgentLane, type IsUrgent } from './urgent-lane.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The earliest moment it can have come, see {@link ArrivalClock}. */
    arrivedAt: number;
  }
}

export interface ServiceOptions {
  /** Short name: `identity`. */
  readonly name: string;
  readonly module: Type | DynamicModule;
  /** Where it listens, and whose X-Forwarded-For it believes. */
  readonly config: Pick<ServiceConfig, 'HOST' | 'PORT' | 'TRUSTED_PROXIES'>;
  /** Largest request body in bytes. */
  readonly bodyLimit?: number;
  /** One paragraph for the OpenAPI document; without it the service publishes none. */
  readonly description?: string;
  /** Which requests take the connections that the `ServiceModule` keeps for what is urgent. */
  readonly isUrgent?: IsUrgent;
  /** Operations of that document that no controller serves. */
  readonly paths?: OpenAPIObject['paths'];
  /** Which answers wait until they are recorded. Needs a `CallRecorder`, as the `ServiceModule` has one. */
  readonly recordCalls?: RecordCallsOptions['when'];
  /** Tells whose a refused call is that no guard has seen: a guard, usually, that is among the module's providers. */
  readonly callers?: Type<Pick<Required<RecordCallsOptions>, 'identify'>>;
  /** The tokens of API users, which this service takes nowhere: a refusal is recorded for whoever holds one. */
  readonly refusedTokens?: Parameters<typeof refusedHolder>[0] | undefined;
  /** Whose batches go to the `@EventPattern` handlers of the module; the `ServiceModule` has a `KafkaBatchStrategy`. */
  readonly consumer?: Type<CustomTransportStrategy>;
  /** What every answer tells browsers, whoever gives it. */
  readonly securityHeaders?: WriteHeaders;
  /** Plugins and hooks on the Fastify instance, before Nest's routes. */
  readonly configure?: (app: NestFastifyApplication) => void | Promise<void>;
}

const REQUEST_TIMEOUT_MS = 6_000;
/** So long a reader may take nothing of its answer, or twice that: Node looks only then whether something went. */
const READER_TIMEOUT_MS = 4_000;
const BODY_LIMIT = 64 * 1024;
const writeNone: WriteHeaders = () => undefined;

/** Makes the application with everything that all services share, without listening. For tests as well. */
export async function createService(options: ServiceOptions): Promise<NestFastifyApplication> {
  const { securityHeaders: writeSecurityHeaders = writeNone } = options;
  const adapter = new FastifyAdapter({
    genReqId: newCorrelationId,
    // Headers and body. Node looks at its connections only so often, and while headers may take longer than the whole request
    // (a minute by default) it gives the whole that long.
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { connectionsCheckingInterval: 1_000, headersTimeout: REQUEST_TIMEOUT_MS, requireHostHeader: false },
    // Longer ones than any id: whether they name something is for the handler to say.
    routerOptions: { maxParamLength: 1_024 },
    ...belowRouter(writeSecurityHeaders),
    keepAliveTimeout: 65_000,
    forceCloseConnections: 'idle',
    // What still comes over an open connection is served, and recorded, as always; the answer closes the connection.
    return503OnClosing: false,
  });
  const app = await NestFactory.create<NestFastifyApplication>(options.module, adapter, {
    bufferLogs: true,
    // Nest would add form bodies, which no address here takes.
    bodyParser: false,
    abortOnError: false,
  });
  const logger = app.get(Logger);
  app.useLogger(logger);
  app.useGlobalPipes(schemaPipe);
  app.useGlobalFilters(new ProblemFilter());
  const fastify = adapter.getInstance();
  answerForNode(fastify.server, writeSecurityHeaders);
  takeJsonBodies(fastify, options.bodyLimit ?? BODY_LIMIT);
  const arrivals = ArrivalClock.ofProcess();
  fastify.decorateRequest('arrivedAt', 0);
  fastify.decorateRequest('callerIp', UNKNOWN_ADDRESS);
  fastify.addHook('onRequest', (request, reply, done) => {
    writeSecurityHeaders(request.raw, reply.raw);
    request.arrivedAt = arrivals.earliest();
    // Noted as it came: a closed connection no longer tells.
    request.callerIp = clientAddress(request.raw, options.config.TRUSTED_PROXIES);
    mendContentType(request);
    void reply.header(CORRELATION_HEADER, request.id);
    // Node would answer so itself, without a word and unrecorded.
    if (request.headers.host === undefined && request.raw.httpVersion === '1.1')
      done(new ProblemException(400, 'request.malformed', 'host: is required'));
    else done();
  });
  fastify.addHook('onSend', (request, reply, _, done) => {
    if (!reply.hasHeader('cache-control')) void reply.header('cache-control', 'no-store');
    letGoOfReaders(reply.raw);
    if (!mayHaveMore(request)) done();
    else {
      void finishReading(request).then((isFinished) => {
        if (!isFinished) void reply.header('connection', 'close');
        done();
      });
    }
  });
  const { name, recordCalls: when, callers, refusedTokens, consumer } = options;
  if (when !== undefined) {
    const identity = callers && app.get(callers);
    const identify = identity && ((request: FastifyRequest) => identity.identify(request));
    recordCalls(fastify, {
      service: name,
      recorder: app.get(CallRecorder),
      when,
      ...(identify && { identify }),
      ...(refusedTokens && { refusedHolder: refusedHolder(refusedTokens) }),
      onUnrecorded: (err, { id: correlationId }) => {
        logger.warn({ correlationId, err, msg: 'calls are not answered, because they cannot be recorded' });
      },
    });
  }
  if (options.isUrgent !== undefined) installUrgentLane(fastify, options.isUrgent);
  await options.configure?.(app);
  boundSentAhead(fastify.server);
  endUnused(fastify);
  if (options.description !== undefined) {
    const document = Promise.resolve(new PublishedDocument(openApiOf(app, options)));
    publishDocument(app, () => document);
  }
  if (consumer !== undefined) app.connectMicroservice({ strategy: app.get(consumer) }, { inheritAppConfig: false });
  return app;
}

/**
 * Ends at the stop the connections on which nothing has come yet, as browsers open them for later: Node does not take them for idle,
 * and the stop would wait for them.
 */
function endUnused(fastify: FastifyInstance): void {
  const connections = new Set<Socket>();
  fastify.server.on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  fastify.addHook('preClose', (done) => {
    for (const socket of connections) if (socket.bytesRead === 0) socket.destroy();
    done();
  });
}

/** Ends the connection of a reader who takes nothing of what was sent. One that waits for more of its answer stays. */
function letGoOfReaders(response: ServerResponse): void {
  response.setTimeout(READER_TIMEOUT_MS, () => {
    const { socket } = response;
    if (socket !== null && socket.writableLength > 0) socket.destroy();
  });
}

/**
 * What a service says of itself, without anything that it needs to run: no provider is made, nothing is connected.
 *
 * @throws {Error} when it has no description
 */
export async function describeService(options: ServiceOptions): Promise<OpenAPIObject> {
  if (options.description === undefined) throw new Error(`${options.name} publishes no document`);
  const app = await NestFactory.create(options.module, new FastifyAdapter(), {
    preview: true,
    logger: false,
    abortOnError: false,
  });
  return openApiOf(app, options);
}

/**
 * Runs a service until SIGTERM or SIGINT: consumers and HTTP start together, and stop gracefully with a deadline of
 * ten seconds. A service that cannot start says why in one log entry and exits with status 1; one that listens tells a parent
 * that has a channel to it, which knows then that nobody else answers on its port.
 */
export async function startService(service: () => ServiceOptions): Promise<void> {
  try {
    const options = service();
    const app = await createService(options);
    stopOnSignal(app);
    await app.startAllMicroservices();
    await app.listen(options.config.PORT, options.config.HOST);
    process.send?.('listening');
  } catch (error) {
    process.stderr.write(`${(error as Error).name}: ${messageOf(error)}\n`);
    process.exit(1);
  }
}

function stopOnSignal(app: INestApplication): void {
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => process.exit(1), 10_000).unref();
    app.close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

function openApiOf(app: INestApplication, { name, description = '', paths }: ServiceOptions): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle(`RebelCore API users: ${name}`)
    .setDescription(description)
    .setVersion('1.0')
    .addBearerAuth()
    .addCookieAuth(SESSION_COOKIE)
    .build();
  const document = SwaggerModule.createDocument(app, config);
  return withProblems(withSchemesNamed({ ...document, paths: { ...document.paths, ...paths } }));
}

import type { INestApplication, Type, DynamicModule } from '@nestjs/common';
import type { CustomTransportStrategy } from '@nestjs/microservices';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { Logger } from 'nestjs-pino';
import { ArrivalClock } from './arrival-clock.js';
import { CORRELATION_HEADER, correlationIdOf } from './correlation.js';
import { ProblemFilter, schemaPipe } from './problem.js';

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
  readonly host: string;
  readonly port: number;
  /** Comma list of peers whose X-Forwarded-For is believed. */
  readonly trustedProxies: string;
  /** Largest request body in bytes. */
  readonly bodyLimit?: number;
  /** One paragraph for the OpenAPI document; without it the service publishes none. */
  readonly description?: string;
  /** Plugins and hooks on the Fastify instance, before Nest's routes. */
  readonly configure?: (app: NestFastifyApplication) => void | Promise<void>;
  /** The consumer whose batches go to the `@EventPattern` handlers of the module. */
  readonly consumer?: (app: NestFastifyApplication) => CustomTransportStrategy;
}

/** Makes the application with everything that all services share, without listening. For tests as well. */
export async function createService(options: ServiceOptions): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    genReqId: correlationIdOf,
    trustProxy: options.trustedProxies.split(','),
    bodyLimit: options.bodyLimit ?? 64 * 1024,
    requestTimeout: 30_000,
    keepAliveTimeout: 65_000,
    forceCloseConnections: 'idle',
    // What still comes over an open connection is served, and recorded, as always; the answer closes the connection.
    return503OnClosing: false,
  });
  const app = await NestFactory.create<NestFastifyApplication>(options.module, adapter, {
    bufferLogs: true,
    // Fastify parses JSON itself; Nest would add form bodies, which no address here takes.
    bodyParser: false,
    abortOnError: false,
  });
  app.useLogger(app.get(Logger));
  app.useGlobalPipes(schemaPipe);
  app.useGlobalFilters(new ProblemFilter());
  const fastify = adapter.getInstance();
  fastify.removeContentTypeParser('text/plain');
  const arrivals = ArrivalClock.ofProcess();
  fastify.decorateRequest('arrivedAt', 0);
  fastify.addHook('onRequest', (request, reply, done) => {
    request.arrivedAt = arrivals.earliest();
    void reply.header(CORRELATION_HEADER, request.id);
    done();
  });
  await options.configure?.(app);
  if (options.description !== undefined) publishOpenApi(app, openApiOf(app, options.name, options.description));
  if (options.consumer) app.connectMicroservice({ strategy: options.consumer(app) }, { inheritAppConfig: false });
  return app;
}

/**
 * Runs a service until SIGTERM or SIGINT: consumers and HTTP start together, and stop gracefully with a deadline of
 * ten seconds. A service that cannot start says why in one log entry and exits with status 1.
 */
export async function startService(makeOptions: () => ServiceOptions | Promise<ServiceOptions>): Promise<void> {
  try {
    const options = await makeOptions();
    const app = await createService(options);
    stopOnSignal(app);
    if (options.consumer) await app.startAllMicroservices();
    await app.listen(options.port, options.host);
  } catch (error) {
    process.stderr.write(`${(error as Error).name}: ${(error as Error).message}\n`);
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

function openApiOf(app: INestApplication, name: string, description: string): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle(`RebelCore API users: ${name}`)
    .setDescription(description)
    .setVersion('1.0')
    .addBearerAuth()
    .build();
  return SwaggerModule.createDocument(app, config);
}

function publishOpenApi(app: INestApplication, document: OpenAPIObject): void {
  SwaggerModule.setup('docs', app, document, { jsonDocumentUrl: 'openapi.json', yamlDocumentUrl: 'openapi.yaml' });
}

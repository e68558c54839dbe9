import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { dump } from 'js-yaml';

/** A document as it is published. Writing one takes as long as hundreds of other requests, so each is written once. */
export class PublishedDocument {
  private writtenJson: string | undefined;
  private writtenYaml: string | undefined;

  constructor(private readonly document: OpenAPIObject) {}

  get json(): string {
    return (this.writtenJson ??= JSON.stringify(this.document));
  }

  get yaml(): string {
    return (this.writtenYaml ??= dump(this.document, { skipInvalid: true, noRefs: true }));
  }
}

/** Publishes what `current` answers at `/openapi.json` and `/openapi.yaml`, and a page that shows it at `/docs`. */
export function publishDocument(app: NestFastifyApplication, current: () => Promise<PublishedDocument>): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.get('/openapi.json', async (_, reply) => reply.type('application/json').send((await current()).json));
  fastify.get('/openapi.yaml', async (_, reply) => reply.type('text/yaml').send((await current()).yaml));
  // The page asks for the document: one that it held would be written into its script anew for each request.
  SwaggerModule.setup('docs', app, {} as OpenAPIObject, { raw: false, swaggerUrl: '/openapi.json' });
}

import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isPage } from './security-headers.js';

const INDEX = 'index.html';
const NOT_BUILT = 'The pages of the portal are not built yet. What the API offers is described at /docs.\n';

/**
 * Serves the built pages from the folder `root`: files under `/assets`, whose names change with their content, for ever; the one
 * document for each address that no program asks for. It is static, so that its policy needs no nonce, and asked about again
 * each time. The folder may be missing, or come later.
 */
export async function serveWebApp(fastify: FastifyInstance, root: string): Promise<void> {
  await fastify.register(fastifyStatic, { root, serve: false, preCompressed: true, suppressWarning: true });
  fastify.get('/assets/*', (request, reply) => reply.sendFile(pathOf(request), { maxAge: '365d', immutable: true }));
  fastify.get('/*', (request, reply) => {
    const path = pathOf(request);
    void reply.header('cache-control', 'no-cache');
    // With a dot it is a file beside the document, such as an icon.
    if (isPage(path) && path.includes('.')) void reply.sendFile(path, { cacheControl: false });
    else if (!isPage(path) || !acceptsHtml(request)) reply.callNotFound();
    else if (existsSync(join(root, INDEX))) void reply.sendFile(INDEX, { cacheControl: false });
    else if (path === '/') void reply.type('text/plain; charset=utf-8').send(NOT_BUILT);
    else reply.callNotFound();
  });
}

const pathOf = ({ url }: FastifyRequest): string => url.split('?', 1)[0] ?? '';

const acceptsHtml = ({ headers: { accept = '*/*' } }: FastifyRequest): boolean =>
  /(?:^|,)\s*(?:text\/html|text\/\*|\*\/\*)\s*(?:;(?!\s*q=0(?:\.0*)?\s*(?:,|$))|,|$)/i.test(accept);

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { ProblemException } from './problem.js';

/** Of a body that is too large so much is still read and thrown away, so that its sender gets to the answer. */
const LARGEST_DISCARDED = 16 * 1024 * 1024;
const FORM_TYPE = /^application\/x-www-form-urlencoded\s*(?:;|$)/i;
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;
const TOKEN = /[\w!#$%&'*+.^`|~-]+/.source;
const MEDIA_TYPE = new RegExp(`^\\s*${TOKEN}/${TOKEN}\\s*(?:;|$)`);

/**
 * Has a content type that is none taken for the one of any bytes. Fastify by itself would refuse it before the body is looked
 * at, of which there may be none, and before the recording knows the caller.
 */
export function mendContentType({ raw: { headers } }: Pick<FastifyRequest, 'raw'>): void {
  const { 'content-type': type } = headers;
  if (type !== undefined && !MEDIA_TYPE.test(type)) headers['content-type'] = 'application/octet-stream';
}

/**
 * Reads a body whole; undefined when it has more than `limit` bytes. Then the rest is read and thrown away, unless that would
 * be more than anybody sends by mistake.
 *
 * @throws {ProblemException} 400 when the body ends before its end
 */
export function readBody(
  { headers }: Pick<FastifyRequest, 'headers'>,
  payload: IncomingMessage,
  limit: number,
): Promise<Buffer | undefined> {
  if (Number(headers['content-length'] ?? 0) > LARGEST_DISCARDED) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    payload.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= limit) chunks.push(chunk);
      else chunks.length = 0;
      if (length <= LARGEST_DISCARDED) return;
      payload.pause();
      resolve(undefined);
    });
    payload.once('end', () => {
      // Or it would be an error for every request, made with its stack for nobody.
      payload.off('error', endedEarly).off('close', endedEarly);
      const [only] = chunks;
      resolve(length > limit ? undefined : chunks.length === 1 ? only : Buffer.concat(chunks, length));
    });
    const endedEarly = () => {
      reject(new ProblemException(400, 'request.incomplete', 'The request ended before it was complete.'));
    };
    payload.once('error', endedEarly);
    payload.once('close', endedEarly);
  });
}

/** Whether there may be more of a request's body than was read. */
export const mayHaveMore = ({ raw, headers }: Pick<FastifyRequest, 'raw' | 'headers'>): boolean =>
  !raw.complete && (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0);

/** Long enough for what is on its way already, and too short to be of use to anybody. */
const FINISH_WITHIN_MS = 300;

/**
 * Reads what is left of a request's body and throws it away, for a moment: whoever is still sending must get to its answer.
 * False when there is more, so that the connection cannot bear another request.
 */
export async function finishReading({ raw }: Pick<FastifyRequest, 'raw'>): Promise<boolean> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, FINISH_WITHIN_MS);
    function done(): void {
      clearTimeout(timer);
      resolve();
    }
    raw.once('end', done).once('close', done).resume();
  });
  return raw.complete;
}

/**
 * Takes JSON bodies of at most `limit` bytes, and empty bodies whatever type they bear, as clients send them with writes that
 * have none. What comes with a DELETE is read and ignored: nobody is to stay signed in for having said too much.
 */
export function takeJsonBodies(fastify: FastifyInstance, limit: number): void {
  const parseJson = fastify.getDefaultJsonParser('error', 'error');
  takeBodies(fastify, limit, { type: 'application/json', isType: JSON_TYPE, parse: parseJson });
}

/** The same for forms: the body of a request is its parameters, undefined for none. */
export function takeFormBodies(fastify: FastifyInstance, limit: number): void {
  takeBodies(fastify, limit, {
    type: 'application/x-www-form-urlencoded',
    isType: FORM_TYPE,
    parse: (_, body, done) => {
      if (isDecodable(body)) done(null, new URLSearchParams(body));
      else done(notUtf8());
    },
  });
}

interface BodyFormat {
  readonly type: string;
  readonly isType: RegExp;
  readonly parse: (
    request: FastifyRequest,
    body: string,
    done: (error: Error | null, parsed?: unknown) => void,
  ) => unknown;
}

function takeBodies(fastify: FastifyInstance, limit: number, { type, isType, parse }: BodyFormat): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', (request: FastifyRequest, payload: IncomingMessage, done) => {
    if (request.is404) {
      done(null, undefined);
      return;
    }
    readBody(request, payload, limit).then(
      (body) => {
        if (request.method === 'DELETE' || body?.length === 0) done(null, undefined);
        else if (body === undefined) done(tooLarge());
        else if (!isPlain(request)) done(wrongType('content-encoding: must be identity'));
        else if (!isType.test(request.headers['content-type'] ?? '')) done(wrongType(`content-type: must be ${type}`));
        // Read all the same, two different passwords could be one.
        else if (!isUtf8(body)) done(notUtf8());
        else void parse(request, body.toString('utf8'), done);
      },
      (error: unknown) => {
        done(error as Error);
      },
    );
  });
}

/** Whether what a form has escaped is UTF-8 as well. */
function isDecodable(form: string): boolean {
  try {
    for (const [escapes] of form.matchAll(/(?:%[0-9a-f]{2})+/gi)) decodeURIComponent(escapes);
    return true;
  } catch {
    return false;
  }
}

const isPlain = ({ headers }: FastifyRequest): boolean =>
  /^\s*(?:identity\s*)?$/i.test(headers['content-encoding'] ?? '');

const notUtf8 = () => new ProblemException(400, 'request.invalid', 'body: must be UTF-8');
const tooLarge = () => new ProblemException(413, 'request.too-large', 'body: is larger than this address accepts');
const wrongType = (detail: string) => new ProblemException(415, 'request.media-type', detail);

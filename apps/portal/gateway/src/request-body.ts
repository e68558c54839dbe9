import { ProblemException } from '@rebelcore/service/problem';
import type { FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

const LARGEST_DISCARDED = 16 * 1024 * 1024;

/** What is forwarded of a body, and how many bytes are announced. */
export interface ForwardedBody {
  readonly content: Buffer | Readable;
  readonly length: number;
}

/**
 * Reads a body before anything is asked of a service, so that whoever sends half of one holds its own connection and none
 * of those to the service. Of one that is larger than `limit` bytes the rest is read and thrown away, and the service is
 * told its length: it refuses by that, records the refusal, and closes. Whoever still sends then may never see the answer,
 * so one byte follows, with which the headers are sent, and no end.
 *
 * @throws {ProblemException} too large even to be read to its end, or ended early
 */
export async function readBody(
  request: Pick<FastifyRequest, 'headers'>,
  payload: IncomingMessage,
  limit: number,
): Promise<ForwardedBody> {
  if (Number(request.headers['content-length'] ?? 0) > LARGEST_DISCARDED) throw tooLarge();
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    // The connection is still to bear the answer.
    for await (const chunk of payload.iterator({ destroyOnReturn: false })) {
      length += (chunk as Buffer).length;
      if (length > LARGEST_DISCARDED) throw tooLarge();
      if (length <= limit) chunks.push(chunk as Buffer);
    }
  } catch (error) {
    if (error instanceof ProblemException) throw error;
    throw new ProblemException(400, 'request.invalid', 'body: ended early');
  }
  if (length <= limit) return { content: Buffer.concat(chunks, length), length };
  const unending = new Readable({ read: () => undefined });
  unending.push(' ');
  return { content: unending, length };
}

const tooLarge = () => new ProblemException(413, 'request.too-large', 'body: is larger than this address accepts');

import type { FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';

/** Bytes; twice of what any service takes. */
const LARGEST_FORWARDED = 128 * 1024;
const LARGEST_DISCARDED = 16 * 1024 * 1024;

/**
 * By the length that a body announces: one that every service takes or refuses in time is forwarded as it is, a larger one
 * is withheld.
 *
 * @returns false for one that is too large even to be read to its end
 */
export async function admitBody(request: FastifyRequest): Promise<boolean> {
  const length = Number(request.headers['content-length'] ?? 0);
  if (length > LARGEST_DISCARDED) return false;
  if (length > LARGEST_FORWARDED) await withholdBody(request);
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

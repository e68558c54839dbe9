import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ProblemException } from '@rebelcore/service/problem';
import type { FastifyRequest } from 'fastify';

const VISIBLE_ASCII = /^[\x21-\x7e]{1,255}$/;

/** The header `Idempotency-Key`, required: 1 to 255 visible ASCII characters. */
export const IdempotencyKey = createParamDecorator((_: unknown, context: ExecutionContext): string => {
  const key = keyOf(context);
  if (key === undefined) throw invalid('is required');
  return key;
});

/** The same where it may be left out. */
export const OptionalIdempotencyKey = createParamDecorator((_: unknown, context: ExecutionContext) => keyOf(context));

function keyOf(context: ExecutionContext): string | undefined {
  const key = context.switchToHttp().getRequest<FastifyRequest>().headers['idempotency-key'];
  if (key === undefined || (typeof key === 'string' && VISIBLE_ASCII.test(key))) return key;
  throw invalid('must be 1 to 255 visible ASCII characters');
}

function invalid(rule: string): ProblemException {
  return new ProblemException(400, 'idempotency-key.invalid', `Idempotency-Key: ${rule}`, {
    errors: [{ field: 'Idempotency-Key', rule }],
  });
}

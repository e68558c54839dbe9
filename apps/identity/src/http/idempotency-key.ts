import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ProblemException } from '@rebelcore/service/problem';
import type { FastifyRequest } from 'fastify';

const VISIBLE_ASCII = /^[\x21-\x7e]{1,255}$/;

/** The header `Idempotency-Key`, required: 1 to 255 visible ASCII characters. */
export const IdempotencyKey = createParamDecorator((_: unknown, context: ExecutionContext): string => {
  const key = context.switchToHttp().getRequest<FastifyRequest>().headers['idempotency-key'];
  if (typeof key === 'string' && VISIBLE_ASCII.test(key)) return key;
  const rule = key === undefined ? 'is required' : 'must be 1 to 255 visible ASCII characters';
  throw new ProblemException(400, 'idempotency-key.invalid', `Idempotency-Key: ${rule}`, {
    errors: [{ field: 'Idempotency-Key', rule }],
  });
});

import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { bearerToken } from '@rebelcore/api-access/bearer-token';
import { describeCall } from '@rebelcore/api-access/record-calls.plugin';
import { CONFIG } from '@rebelcore/service/config';
import { ProblemException } from '@rebelcore/service/problem';
import type { FastifyRequest } from 'fastify';
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IdentityConfig } from '../identity.config.js';

/** Lets the platform operator in: the bearer token from the configuration, compared in constant time. */
@Injectable()
export class OperatorGuard implements CanActivate {
  private readonly expected: Buffer;

  constructor(@Inject(CONFIG) config: IdentityConfig) {
    this.expected = digest(config.OPERATOR_TOKEN);
  }

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const token = bearerToken(request.headers.authorization);
    if (timingSafeEqual(digest(token ?? ''), this.expected)) return true;
    describeCall(request, { reason: 'operator.required' });
    throw new ProblemException(401, 'operator.required', 'This address is for the platform operator.');
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

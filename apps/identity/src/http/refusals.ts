import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { describeCall } from '@rebelcore/api-access/record-calls.plugin';
import { Refused } from '@rebelcore/event-store/aggregate';
import { StoreBehind, StoreUnverified } from '@rebelcore/event-store/store-guard';
import { ClaimTaken, TooLate, VersionConflict } from '@rebelcore/event-store/event-store';
import { ProblemException } from '@rebelcore/service/problem';
import type { FastifyRequest } from 'fastify';
import { QueueFull } from '../passwords/fair-queue.js';
import { RoleOutdated } from '../role/roles.js';
import { catchError, throwError, type Observable } from 'rxjs';

/** What the business refuses, as HTTP says it. */
const STATUS: Readonly<Record<string, number>> = {
  'user.unknown': 404,
  'portal-user.unknown-role': 400,
  'portal-user.address-lost': 400,
  'invite.not-valid': 410,
  'mail.not-configured': 503,
  'api-user.unknown-role': 400,
  'api-user.replaces-unknown': 404,
  'api-user.replaces-other-role': 409,
  'api-user.key-twice': 400,
  'api-user.key-unknown': 404,
  'api-user.too-many-keys': 409,
  'session.unknown': 404,
  'customer.unknown': 404,
  'second-factor.wrong-code': 400,
  'second-factor.used-code': 400,
  'hand-over.unknown': 404,
  'hand-over.opened': 409,
  'idempotency-key.reused': 422,
  'role.unknown': 404,
  'role.unknown-source': 400,
  'role.unknown-target': 400,
};

const TAKEN: Readonly<Record<string, Refused>> = {
  'role.name': new Refused('role.name-taken', 'name: is the name of another role'),
};

/** The member of the request that a refusal is about. */
const FIELD = /^([a-z_.-]+): (.+)$/i;

function asProblem(error: unknown): unknown {
  const taken = error instanceof ClaimTaken ? TAKEN[error.scope] : undefined;
  if (taken !== undefined) return asProblem(taken);
  // A name that is no conflict of its own was taken by others, or given up, since it was looked up.
  if (error instanceof VersionConflict || error instanceof RoleOutdated || error instanceof ClaimTaken) {
    const detail = 'Too many others are changing the same thing at the moment; please try again.';
    return new ProblemException(503, 'stream.contended', detail, { retryAfter: 1, cause: error });
  }
  if (error instanceof TooLate) {
    const detail = 'This took too long and was not carried out; please try again.';
    return new ProblemException(503, 'request.too-late', detail, { retryAfter: 1, cause: error });
  }
  if (error instanceof StoreBehind) {
    const detail = `Nothing can be read or changed at the moment: ${error.message}.`;
    return new ProblemException(503, 'store.behind', detail, { retryAfter: 30, cause: error });
  }
  if (error instanceof StoreUnverified) {
    const detail =
      'Nothing can be read or changed until the event store has been compared with the topics; please try again.';
    return new ProblemException(503, 'store.unverified', detail, { retryAfter: 2, cause: error });
  }
  if (error instanceof QueueFull) {
    const detail = 'Too many passwords are being checked at the moment; please try again.';
    return new ProblemException(429, 'session.busy', detail, { retryAfter: 2 });
  }
  if (!(error instanceof Refused)) return error;
  const [, field, rule] = FIELD.exec(error.message) ?? [];
  const errors = field !== undefined && rule !== undefined ? { errors: [{ field, rule }] } : {};
  return new ProblemException(STATUS[error.code] ?? 409, error.code, error.message, { ...errors, members: error.more });
}

/** What a request is answered with; its record names the code. */
export function asProblemOf(request: FastifyRequest, error: unknown): unknown {
  const problem = asProblem(error);
  // The handler may know it better than the caller is told.
  if (problem instanceof ProblemException && request.call?.reason === undefined) {
    describeCall(request, { reason: problem.code });
  }
  return problem;
}

/** Around every handler once: a refusal of the business becomes a problem with its status, and its code is recorded. */
@Injectable()
export class RefusalsAsProblems implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(
      catchError((error: unknown) => {
        const isHttp = context.getType() === 'http';
        return throwError(() =>
          isHttp ? asProblemOf(context.switchToHttp().getRequest<FastifyRequest>(), error) : asProblem(error),
        );
      }),
    );
  }
}

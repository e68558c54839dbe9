import { ClaimTaken, TooLate, VersionConflict } from '@rebelcore/event-store/event-store';
import { StoreBehind, StoreUnverified } from '@rebelcore/event-store/store-guard';
import { ProblemException } from '@rebelcore/service/problem';
import type { FastifyRequest } from 'fastify';
import { RoleOutdated } from '../role/roles.js';
import { asProblemOf } from './refusals.js';

describe('what was not done for now', () => {
  it.each([
    ['stream.contended', new VersionConflict(new Error('event_pkey'))],
    ['stream.contended', new RoleOutdated()],
    // Given up again before it was asked whose it is.
    ['stream.contended', new ClaimTaken('a name')],
    ['request.too-late', new TooLate()],
    ['store.behind', new StoreBehind('the store has lost an event')],
    ['store.unverified', new StoreUnverified(new Error('Kafka is away'))],
  ])('is a 503 %s with Retry-After, recorded under its code, and the log is told the cause', (code, error) => {
    const request = { call: undefined } as FastifyRequest;
    const problem = asProblemOf(request, error) as ProblemException;
    expect(problem).toBeInstanceOf(ProblemException);
    expect([problem.getStatus(), problem.code, problem.cause]).toEqual([503, code, error]);
    expect(problem.retryAfter).toBeGreaterThan(0);
    expect(request.call).toEqual({ reason: code });
  });
});

it('a name that is taken is a conflict, where its kind is one that callers choose', () => {
  const problem = asProblemOf({ call: undefined } as FastifyRequest, new ClaimTaken('role.name')) as ProblemException;
  expect([problem.getStatus(), problem.code]).toEqual([409, 'role.name-taken']);
});

import { HttpException, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { problemDocument } from '@rebelcore/contracts/problem';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { hash } from 'node:crypto';
import type { Strategy } from 'passport-jwt';
import { bearerToken, keyIdOf } from './bearer-token.js';
import { KeysUnavailable, type IssuerKeys } from './issuer-keys.js';
import { describeCall, type CallDetails } from './record-calls.plugin.js';

/** The answer to a request that carries no usable token, with the words the caller sees and the code auditors see. */
export interface Refusal {
  readonly detail: 'invalid token' | 'token expired';
  readonly reason: string;
}

const MAX_CACHED = 20_000;

/**
 * Verifies the bearer token of each request with a passport-jwt strategy and remembers verified ones, since verifying
 * costs more than anything else here. Expiry is checked every time.
 */
export abstract class BearerGuard<Caller extends { readonly expiresAt: number }> implements CanActivate {
  /** By the SHA-256 of the token, the longest unused out first: the tokens themselves are not kept in memory. */
  private readonly verified = new LRUCache<string, { readonly caller: Caller; readonly kid: string }>({
    max: MAX_CACHED,
  });

  protected constructor(
    private readonly strategy: Strategy,
    private readonly keys: IssuerKeys,
    /** Said with every challenge: `name="value"`. */
    private readonly challenge: readonly string[] = [],
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const token = bearerToken(request.headers.authorization);
    if (token === undefined) {
      return this.refuse(http.getResponse(), request, { detail: 'invalid token', reason: 'token.missing' });
    }
    const caller = await this.holderOf(token, request).catch((error: unknown) =>
      unavailable(http.getResponse(), request, error),
    );
    if (caller === undefined) {
      return this.refuse(http.getResponse(), request, { detail: 'invalid token', reason: 'token.invalid' });
    }
    describeCall(request, this.details(caller));
    if (caller.expiresAt * 1000 <= Date.now()) {
      return this.refuse(http.getResponse(), request, { detail: 'token expired', reason: 'token.expired' });
    }
    return this.admit(context, request, caller);
  }

  /**
   * Whose token a request carries that was refused before it came to this guard; undefined for none that is valid.
   *
   * @throws {KeysUnavailable}
   */
  async identify(request: FastifyRequest): Promise<CallDetails | undefined> {
    const token = bearerToken(request.headers.authorization);
    const caller = token === undefined ? undefined : await this.holderOf(token, request);
    return caller && this.details(caller);
  }

  private async holderOf(token: string, request: FastifyRequest): Promise<Caller | undefined> {
    const fingerprint = hash('sha256', token, 'base64');
    const remembered = this.verified.get(fingerprint);
    // A key that was withdrawn takes with it what it verified.
    if (remembered !== undefined && this.keys.has(remembered.kid)) return remembered.caller;
    const caller = await this.verify(request);
    if (caller !== undefined) this.verified.set(fingerprint, { caller, kid: keyIdOf(token) });
    return caller;
  }

  /** What the activity log is told about the caller. */
  protected abstract details(caller: Caller): CallDetails;

  /** Puts the caller on the request, or throws when they may not do this. */
  protected abstract admit(
    context: ExecutionContext,
    request: FastifyRequest,
    caller: Caller,
  ): boolean | Promise<boolean>;

  /** Throws the 401 of this kind of token. */
  protected unauthorized(refusal: Refusal): never {
    throw new HttpException({ detail: refusal.detail }, 401);
  }

  private refuse(reply: FastifyReply, request: FastifyRequest, refusal: Refusal): never {
    describeCall(request, { reason: refusal.reason });
    const isMissing = refusal.reason === 'token.missing';
    const error = isMissing ? [] : ['error="invalid_token"', `error_description="${refusal.detail}"`];
    const parameters = [...error, ...this.challenge].join(', ');
    void reply.header('www-authenticate', parameters === '' ? 'Bearer' : `Bearer ${parameters}`);
    return this.unauthorized(refusal);
  }

  /** Runs the strategy as passport does, for this one request. */
  private verify(request: FastifyRequest): Promise<Caller | undefined> {
    return new Promise((resolve, reject) => {
      const attempt = Object.create(this.strategy) as Strategy;
      attempt.success = (caller: Caller) => {
        resolve(caller);
      };
      attempt.fail = (error: unknown) => {
        if (error instanceof KeysUnavailable) reject(error);
        else resolve(undefined);
      };
      attempt.error = () => {
        resolve(undefined);
      };
      attempt.authenticate(request as never);
    });
  }
}

/** Not a 401: the token may be a good one, and its owner must not throw it away. */
function unavailable(reply: FastifyReply, request: FastifyRequest, cause: unknown): never {
  describeCall(request, { reason: 'keys.unavailable' });
  void reply.header('retry-after', '2');
  const detail = 'Tokens cannot be verified at the moment; please try again.';
  throw new HttpException(problemDocument(503, 'keys.unavailable', detail), 503, { cause });
}

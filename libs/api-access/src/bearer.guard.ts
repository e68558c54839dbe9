import { HttpException, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { problemDocument } from '@rebelcore/contracts/problem';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { bearerToken } from './bearer-token.js';
import { describeCall, type CallDetails } from './record-calls.plugin.js';
import type { TokenVerifier } from './token-verifier.js';

/** The answer to a request that carries no usable token, with the words the caller sees and the code auditors see. */
export interface Refusal {
  readonly detail: 'invalid token' | 'token expired';
  readonly reason: string;
}

/** Verifies the bearer token of each request. Expiry is checked every time. */
export abstract class BearerGuard<Caller extends { readonly expiresAt: number }> implements CanActivate {
  protected constructor(
    private readonly tokens: TokenVerifier<Caller>,
    /** Said with every challenge: `name="value"`. */
    private readonly challenge: readonly string[] = [],
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const token = this.tokenOf(request);
    if (token === undefined) {
      return this.refuse(http.getResponse(), request, { detail: 'invalid token', reason: 'token.missing' });
    }
    const caller = await this.tokens
      .holderOf(token)
      .catch((error: unknown) => unavailable(http.getResponse(), request, error));
    if (caller === undefined) {
      return this.refuse(http.getResponse(), request, { detail: 'invalid token', reason: 'token.invalid' });
    }
    describeCall(request, this.details(caller));
    if (caller.expiresAt * 1000 <= Date.now()) {
      return this.refuse(http.getResponse(), request, { detail: 'token expired', reason: 'token.expired' });
    }
    if (!(await this.mayHold(request, token, caller))) {
      return this.refuse(http.getResponse(), request, { detail: 'invalid token', reason: 'token.not-proven' });
    }
    return this.admit(context, request, caller);
  }

  /**
   * Whose token a request carries that was refused before it came to this guard; undefined for none that is valid.
   *
   * @throws {KeysUnavailable}
   */
  async identify(request: FastifyRequest): Promise<CallDetails | undefined> {
    const token = this.tokenOf(request);
    const caller = token === undefined ? undefined : await this.tokens.holderOf(token);
    return caller && this.details(caller);
  }

  /** What the activity log is told about the caller. */
  protected abstract details(caller: Caller): CallDetails;

  /** The token of a request, by whichever scheme; undefined where there is none. */
  protected tokenOf({ headers }: FastifyRequest): string | undefined {
    return bearerToken(headers.authorization);
  }

  /** Whether whoever sent this token may be the one who holds it: anybody, for a token that is no more than its text. */
  protected mayHold(_request: FastifyRequest, _token: string, _caller: Caller): Promise<boolean> {
    return Promise.resolve(true);
  }

  /** Further challenges to whoever was refused. */
  protected otherChallenges(_request: FastifyRequest): readonly string[] {
    return [];
  }

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
    const bearer = parameters === '' ? 'Bearer' : `Bearer ${parameters}`;
    const others = this.otherChallenges(request);
    void reply.header('www-authenticate', others.length === 0 ? bearer : [bearer, ...others]);
    return this.unauthorized(refusal);
  }
}

/** Not a 401: the token may be a good one, and its owner must not throw it away. */
function unavailable(reply: FastifyReply, request: FastifyRequest, cause: unknown): never {
  describeCall(request, { reason: 'keys.unavailable' });
  void reply.header('retry-after', '2');
  const detail = 'Tokens cannot be verified at the moment; please try again.';
  throw new HttpException(problemDocument(503, 'keys.unavailable', detail), 503, { cause });
}

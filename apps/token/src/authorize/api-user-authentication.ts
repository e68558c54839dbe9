import { Inject, Injectable, Logger } from '@nestjs/common';
import { networkList, networkOf } from '@rebelcore/api-access/networks';
import { describeCall } from '@rebelcore/api-access/record-calls.plugin';
import { apiUserIdIn, canonicalUsername, isMisspelt } from '@rebelcore/credentials/api-user-password';
import { verifierMatches } from '@rebelcore/credentials/verifier';
import { ViewFreshness } from '@rebelcore/messaging/project/freshness';
import { CONFIG } from '@rebelcore/service/config';
import { FailureThrottle, type FailureLimits } from '@rebelcore/service/failure-throttle';
import { ProblemException } from '@rebelcore/service/problem';
import type { FastifyRequest } from 'fastify';
import { hash } from 'node:crypto';
import type { TokenConfig } from '../token.config.js';
import { AuthorizationLookup, type Authorization } from './authorization.lookup.js';
import type { PresentedAssertion } from './client-assertion.js';
import { UsedAssertions } from './used-assertions.js';

const RETRY_AFTER_S = 5;

/** Generous: nobody guesses 226 bits, and who is right is never throttled. What is slowed down is the noise. */
export const FAILURE_LIMITS: FailureLimits = {
  nameAndSource: { burst: 20, refillMs: 3_000 },
  source: { burst: 300, refillMs: 200 },
  remembered: 20_000,
};

/** Who may have a token: the one way to it, whichever endpoint was asked. */
@Injectable()
export class ApiUserAuthentication {
  private readonly maxStalenessMs: number;

  constructor(
    private readonly lookup: AuthorizationLookup,
    private readonly freshness: ViewFreshness,
    private readonly used: UsedAssertions,
    private readonly throttle: FailureThrottle,
    @Inject(CONFIG) private readonly config: TokenConfig,
  ) {
    this.maxStalenessMs = config.AUTHORIZE_MAX_STALENESS * 1000;
  }

  /**
   * The API user with this username and password. Undefined when there is none, or it may not: what was wrong goes into the
   * record of the call and not to the caller.
   *
   * @throws {ProblemException} 503 while it is not certain who may authorize; 429 where too many were refused before
   */
  async byPassword(request: FastifyRequest, presented: string, password: string): Promise<Authorization | undefined> {
    const username = canonicalUsername(presented);
    if (isMisspelt(password)) {
      const apiUserId = apiUserIdIn(username);
      if (apiUserId !== undefined) describeCall(request, { apiUserId });
      this.refuse(request, username, 'api-user.misspelt-password');
      return undefined;
    }
    this.refuseWhenStale(request);
    const known = await this.find(request, username);
    const matches = verifierMatches(this.config.CREDENTIAL_PEPPERS, known?.verifier, username, password);
    return this.admitted(request, username, known, matches ? undefined : 'api-user.wrong-password');
  }

  /** The same for the API user who has signed this with a key that it has registered; each assertion counts once. */
  async byAssertion(request: FastifyRequest, presented: PresentedAssertion): Promise<Authorization | undefined> {
    this.refuseWhenStale(request);
    const username = canonicalUsername(presented.username);
    const known = await this.find(request, username);
    const { TOKEN_ISSUER: issuer } = this.config;
    const assertion = presented.verify(known?.keys ?? [], issuer, Date.now() / 1000);
    if (typeof assertion === 'string') return this.admitted(request, username, known, assertion);
    const apiUser = this.admitted(request, username, known, undefined);
    if (apiUser === undefined) return undefined;
    const isFirst = await this.used
      .use(apiUser.apiUserId, assertion)
      .catch((error: unknown) => unavailable(request, error));
    return isFirst ? apiUser : this.admitted(request, username, known, 'client-assertion.replayed');
  }

  /** @param wrong what is wrong with how it proves who it is */
  private admitted(
    request: FastifyRequest,
    username: string,
    known: Authorization | undefined,
    wrong: string | undefined,
  ): Authorization | undefined {
    if (known) describeCall(request, { customerId: known.customerId, apiUserId: known.apiUserId });
    const refused = reasonToRefuse(known, wrong, request.callerIp);
    if (known === undefined || refused !== undefined) {
      this.refuse(request, username, refused ?? 'api-user.unknown');
      return undefined;
    }
    // An event of this customer that could not be applied may be a deactivation.
    if (this.freshness.isBlocked(known.customerId)) throw stale(request);
    return known;
  }

  /**
   * What is known of an API user, whether or not it may authorize.
   *
   * @throws {ProblemException} 503 when it cannot be looked up
   */
  find(request: FastifyRequest, username: string): Promise<Authorization | undefined> {
    return this.lookup.find(username).catch((error: unknown) => unavailable(request, error));
  }

  /** Throttled is who was refused anyway: the right credentials are let in, also from where somebody guesses. */
  private refuse(request: FastifyRequest, username: string, reason: string): void {
    describeCall(request, { reason });
    // A username may be as long as a body.
    const retryAfter = this.throttle.failed(hash('sha256', username, 'base64'), networkOf(request.callerIp));
    if (retryAfter === undefined) return;
    const detail = 'Too many attempts with wrong credentials; please try again later.';
    throw new ProblemException(429, 'authorize.too-many-failures', detail, { retryAfter });
  }

  /** Errors would say nothing about being current: only a heartbeat that has been caught up with does. */
  private refuseWhenStale(request: FastifyRequest): void {
    if (this.freshness.ageMs() > this.maxStalenessMs) throw stale(request);
  }
}

/** Whoever is right and comes from elsewhere is answered as whoever is wrong, so that no stranger learns which of both it was. */
function reasonToRefuse(
  known: Authorization | undefined,
  wrong: string | undefined,
  callerIp: string,
): string | undefined {
  // Looked at whether or not the rest is right: neither takes longer.
  const isElsewhere =
    known?.authorizeNetworks !== undefined && !networkList(known.authorizeNetworks).includes(callerIp);
  if (known === undefined) return 'api-user.unknown';
  if (known.verifier === undefined || known.status === undefined) return 'api-user.not-yet-in-force';
  if (wrong !== undefined) return wrong;
  if (known.status === 'inactive') return 'api-user.inactive';
  return isElsewhere ? 'api-user.network-not-allowed' : undefined;
}

const logger = new Logger('Authorize');

function unavailable(request: FastifyRequest, error: unknown): never {
  logger.warn({ correlationId: request.id, err: error, msg: 'an attempt was refused because the view cannot be read' });
  describeCall(request, { reason: 'view.unreadable' });
  const detail = 'Credentials cannot be checked at the moment; please try again.';
  throw new ProblemException(503, 'service.unavailable', detail, { retryAfter: 2 });
}

function stale(request: FastifyRequest): ProblemException {
  describeCall(request, { reason: 'view.stale' });
  const detail = 'It is not certain at the moment who may authorize; please try again shortly.';
  return new ProblemException(503, 'view.stale', detail, { retryAfter: RETRY_AFTER_S });
}

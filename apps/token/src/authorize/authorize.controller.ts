import { Body, Controller, HttpCode, Inject, Logger, Post, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { describeCall } from '@rebelcore/api-access/record-calls.plugin';
import { problem } from '@rebelcore/contracts/problem';
import { authorizeRequest, authorizeResponse } from '@rebelcore/contracts/published-api';
import { ViewFreshness } from '@rebelcore/messaging/project/freshness';
import { CONFIG } from '@rebelcore/service/config';
import { ProblemException } from '@rebelcore/service/problem';
import { verifierMatches } from '@rebelcore/credentials/verifier';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { TokenConfig } from '../token.config.js';
import { AuthorizationLookup, type Authorization } from './authorization.lookup.js';
import { TokenIssuer } from './token-issuer.js';

const INVALID_CREDENTIALS = { detail: 'invalid credentials' } as const;
const RETRY_AFTER_S = 5;

@ApiTags('authorize')
@Controller('api/v1/authorize')
export class AuthorizeController {
  private readonly maxStalenessMs: number;

  constructor(
    private readonly lookup: AuthorizationLookup,
    private readonly issuer: TokenIssuer,
    private readonly freshness: ViewFreshness,
    @Inject(CONFIG) private readonly config: TokenConfig,
  ) {
    this.maxStalenessMs = config.AUTHORIZE_MAX_STALENESS * 1000;
  }

  @Post()
  @HttpCode(200)
  @ApiOperation({ summary: 'Trades the credentials of an API user for a bearer token that lives 24 hours.' })
  @ApiResponse({ status: 200, standardSchema: authorizeResponse })
  @ApiResponse({ status: 400, standardSchema: problem, description: 'A field is missing or of a wrong type.' })
  @ApiResponse({ status: 401, standardSchema: problem, description: 'Exactly {"detail": "invalid credentials"}.' })
  @ApiResponse({ status: 503, standardSchema: problem, description: 'Not known to be up to date; see Retry-After.' })
  async authorize(
    @Body({ schema: authorizeRequest }) body: z.infer<typeof authorizeRequest>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof authorizeResponse> | typeof INVALID_CREDENTIALS> {
    this.refuseWhenStale(request);
    const known = await this.lookup.find(body.username).catch((error: unknown) => unavailable(request, error));
    const passwordMatches = verifierMatches(
      this.config.CREDENTIAL_PEPPERS,
      known?.verifier,
      body.username,
      body.password,
    );
    if (known) describeCall(request, { customerId: known.customerId, apiUserId: known.apiUserId });
    const refused = reasonToRefuse(known, passwordMatches);
    if (known === undefined || refused !== undefined) {
      describeCall(request, { reason: refused ?? 'api-user.unknown' });
      // Without it some clients take the answer for a broken connection.
      void reply.status(401).type('application/problem+json').header('www-authenticate', 'Bearer');
      return INVALID_CREDENTIALS;
    }
    // An event of this customer that could not be applied may be a deactivation.
    if (this.freshness.isBlocked(known.customerId)) throw stale(request);
    const { token, tokenId, expiresAt } = this.issuer.issue(known);
    describeCall(request, { tokenId, tokenExpiresAt: expiresAt });
    return { token, expires_at: expiresAt, token_type: 'Bearer' };
  }

  /** Errors would say nothing about being current: only a heartbeat that has been caught up with does. */
  private refuseWhenStale(request: FastifyRequest): void {
    if (this.freshness.ageMs() > this.maxStalenessMs) throw stale(request);
  }
}

function reasonToRefuse(known: Authorization | undefined, passwordMatches: boolean): string | undefined {
  if (known === undefined) return 'api-user.unknown';
  if (known.verifier === undefined || known.status === undefined) return 'api-user.not-yet-in-force';
  if (!passwordMatches) return 'api-user.wrong-password';
  return known.status === 'inactive' ? 'api-user.inactive' : undefined;
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

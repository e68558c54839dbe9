import { Body, Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { problem } from '@rebelcore/contracts/problem';
import { authorizeRequest, authorizeResponse } from '@rebelcore/contracts/published-api';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { ApiUserAuthentication } from './api-user-authentication.js';
import { TokenIssuer } from './token-issuer.js';

const INVALID_CREDENTIALS = { detail: 'invalid credentials' } as const;

@ApiTags('authorize')
@Controller('api/v1/authorize')
export class AuthorizeController {
  constructor(
    private readonly authentication: ApiUserAuthentication,
    private readonly issuer: TokenIssuer,
  ) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({ summary: 'Trades the credentials of an API user for a bearer token that lives 24 hours.' })
  @ApiResponse({ status: 200, standardSchema: authorizeResponse })
  @ApiResponse({ status: 400, standardSchema: problem, description: 'A field is missing or of a wrong type.' })
  @ApiResponse({ status: 401, standardSchema: problem, description: 'Exactly {"detail": "invalid credentials"}.' })
  @ApiResponse({
    status: 429,
    standardSchema: problem,
    description: 'Refused too often; the right credentials never are.',
  })
  @ApiResponse({ status: 503, standardSchema: problem, description: 'Not known to be up to date; see Retry-After.' })
  async authorize(
    @Body({ schema: authorizeRequest }) body: z.infer<typeof authorizeRequest>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof authorizeResponse> | typeof INVALID_CREDENTIALS> {
    const apiUser = await this.authentication.byPassword(request, body.username, body.password);
    if (apiUser === undefined) {
      // Without it some clients take the answer for a broken connection.
      void reply.status(401).type('application/problem+json').header('www-authenticate', 'Bearer');
      return INVALID_CREDENTIALS;
    }
    const { token, expiresAt } = this.issuer.issue(request, apiUser);
    return { token, expires_at: expiresAt, token_type: 'Bearer' };
  }
}

import { Body, Controller, Delete, Get, HttpCode, Post, Req, Res, UseGuards } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiBearerAuth, ApiCookieAuth, ApiExcludeEndpoint, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { problem } from '@rebelcore/contracts/problem';
import { PERMISSIONS } from '@rebelcore/contracts/roles';
import { describeCall } from '@rebelcore/api-access/record-calls.plugin';
import { contextOf } from '@rebelcore/service/correlation';
import { ProblemException } from '@rebelcore/service/problem';
import { clearSessionCookie, openSessionCookie, sessionTokenOf } from '@rebelcore/service/session-cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CurrentCaller, type Caller } from '../access/caller.js';
import { PortalSessionGuard } from '../access/portal-session.guard.js';
import { recordedAsEvent } from '../http/recorded-calls.js';
import { SignIn, SignOut } from './session.commands.js';
import { ExchangeSession, WhoAmI, type Me } from './session.queries.js';
import { SessionTokens } from './session-tokens.js';

const signInRequest = z
  .strictObject({ email: z.string().max(254), password: z.string().max(256) })
  .meta({ id: 'SignInRequest' });

const meResponse = z
  .object({
    user: z.object({
      id: z.uuid(),
      email: z.string(),
      first_name: z.string(),
      last_name: z.string(),
      owner: z.boolean(),
    }),
    customer: z.object({ id: z.uuid(), name: z.string() }),
    permissions: z.array(z.enum(PERMISSIONS)),
  })
  .meta({ id: 'Me' });

@ApiTags('sessions')
@Controller()
export class SessionController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
    private readonly tokens: SessionTokens,
    private readonly guard: PortalSessionGuard,
  ) {}

  /** Signs a portal user in; the session is in the cookie. */
  @ApiOperation({ summary: 'Signs a portal user in; the session is an HttpOnly cookie.' })
  @Post('api/v1/sessions')
  @ApiResponse({ status: 201, standardSchema: meResponse })
  @ApiResponse({ status: 400, standardSchema: problem })
  @ApiResponse({ status: 401, standardSchema: problem, description: 'The same for an unknown address.' })
  async signIn(
    @Body({ schema: signInRequest }) body: z.infer<typeof signInRequest>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof meResponse>> {
    const context = contextOf(request);
    const signedIn = await this.commands.execute(new SignIn(body.email, body.password, context));
    if ('refused' in signedIn) {
      if (signedIn.refused !== undefined) recordedAsEvent(request);
      else describeCall(request, { reason: 'session.unknown-address' });
      throw new ProblemException(401, 'session.not-opened', 'The e-mail address or the password is not right.');
    }
    void openSessionCookie(reply, signedIn.token).header('position', String(signedIn.position));
    return meOf(await this.queries.execute(new WhoAmI({ ...signedIn.session, ...context })));
  }

  /** Ends the session and clears the cookie, also when the session is over already. */
  @ApiOperation({ summary: 'Signs out, from the next request on.' })
  @Delete('api/v1/sessions/current')
  @HttpCode(204)
  @ApiCookieAuth()
  async signOut(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<void> {
    const token = sessionTokenOf(request);
    const session = token !== undefined ? { token } : this.guard.sessionOf(request);
    if (session !== undefined) await this.commands.execute(new SignOut(session));
    void clearSessionCookie(reply);
  }

  @ApiOperation({ summary: 'Who is signed in, for which customer, with which permissions.' })
  @Get('api/v1/me')
  @UseGuards(PortalSessionGuard)
  @ApiBearerAuth()
  @ApiResponse({ status: 200, standardSchema: meResponse })
  @ApiResponse({ status: 401, standardSchema: problem })
  async me(@CurrentCaller() caller: Caller): Promise<z.infer<typeof meResponse>> {
    return meOf(await this.queries.execute(new WhoAmI(caller)));
  }

  /** For the gateway: a token of at most 60 s in exchange for the cookie. `expires_at` in Unix seconds. */
  @Post('internal/session-tokens')
  @HttpCode(200)
  @ApiExcludeEndpoint()
  async exchange(@Req() request: FastifyRequest): Promise<{ token: string; expires_at: number }> {
    const token = sessionTokenOf(request);
    const issued = token === undefined ? undefined : await this.queries.execute(new ExchangeSession({ token }));
    if (issued === undefined) throw new ProblemException(401, 'session.required', 'Please sign in.');
    return { token: issued.token, expires_at: issued.expiresAt };
  }

  /** The keys that session tokens are verified with. */
  @Get('.well-known/jwks.json')
  jwks(@Res({ passthrough: true }) reply: FastifyReply): unknown {
    void reply.header('cache-control', 'public, max-age=300');
    return this.tokens.jwks();
  }
}

const meOf = ({ user: { id, email, firstName, lastName, owner }, customer, permissions }: Me) => ({
  user: { id, email, first_name: firstName, last_name: lastName, owner },
  customer,
  permissions: [...permissions],
});

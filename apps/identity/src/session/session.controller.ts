import { Body, Controller, Delete, Get, HttpCode, Param, Post, Req, Res, UseGuards } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import {
  ApiBearerAuth,
  ApiCookieAuth,
  ApiExcludeEndpoint,
  ApiOperation,
  ApiResponse,
  ApiSecurity,
  ApiTags,
} from '@nestjs/swagger';
import { describeCall } from '@rebelcore/api-access/record-calls.plugin';
import { problem } from '@rebelcore/contracts/problem';
import { networkOf } from '@rebelcore/api-access/networks';
import { contextOf } from '@rebelcore/service/correlation';
import { ProblemException } from '@rebelcore/service/problem';
import { limited } from '@rebelcore/service/text';
import { jwks } from '@rebelcore/credentials/signing-keys';
import { clearSessionCookie, openSessionCookie, sessionTokenOf } from '@rebelcore/service/session-cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CurrentCaller, CurrentSession, type Caller } from '../access/caller.js';
import {
  BeforeEnrolment,
  enrolmentRequired,
  isForeground,
  PortalSessionGuard,
} from '../access/portal-session.guard.js';
import { idInPath, sixDigits, withoutBlanks } from '../http/request-fields.js';
import type { Code } from '../second-factor/second-factor.store.js';
import { meOf, meResponse, sessionsOf, sessionsResponse } from './me.js';
import { EndSession, SignOut } from './session.commands.js';
import { ExchangeSession, ListSessions, WhoAmI } from './session.queries.js';
import type { Session } from './session.store.js';
import { SessionTokens } from './session-tokens.js';
import { SignIn } from './sign-in.commands.js';
import { refuse } from './sign-in-refusals.js';

const signInRequest = z
  .strictObject({
    // What no account can have, for a form that counts otherwise and a keyboard that composes nothing.
    email: limited({ max: 1_024 }),
    password: limited({ max: 1_024 }),
    totp: sixDigits.optional(),
    recovery_code: z.string().max(32).optional().meta({ description: 'Instead of the six digits; each works once.' }),
  })
  .refine(({ totp, recovery_code: code }) => totp === undefined || code === undefined, {
    path: ['recovery_code'],
    error: 'must not be sent together with totp',
  })
  .meta({ id: 'SignInRequest' });
type SignInRequest = z.infer<typeof signInRequest>;

const MAX_USER_AGENT = 256;

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
  @ApiOperation({
    summary: 'Signs a portal user in; the session is an HttpOnly cookie.',
    description:
      'Somebody who is enrolled sends the six digits of the authenticator app, or a recovery code, as well. Somebody who is not gets a session that is good for enrolling alone.',
  })
  @Post('api/v1/sessions')
  @ApiResponse({ status: 201, standardSchema: meResponse })
  @ApiResponse({ status: 400, standardSchema: problem, description: 'request.invalid' })
  @ApiResponse({
    status: 401,
    standardSchema: problem,
    description:
      'session.not-opened: one answer for an unknown address, a wrong password, somebody who is inactive, and a code that is wrong or was used. session.second-factor-required: the password is right, and a code is missing.',
  })
  @ApiResponse({
    status: 429,
    standardSchema: problem,
    description: 'session.too-many-attempts, session.busy; Retry-After says in how many seconds to come again.',
  })
  async signIn(
    @Body({ schema: signInRequest }) body: SignInRequest,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof meResponse>> {
    const context = contextOf(request);
    const credentials = {
      email: body.email,
      password: body.password,
      code: codeOf(body),
      ip: request.callerIp,
      userAgent: (request.headers['user-agent'] ?? '').slice(0, MAX_USER_AGENT),
      source: networkOf(request.callerIp),
    };
    const outcome = await this.commands.execute(new SignIn(credentials, context));
    if (outcome.result !== 'opened') refuse(request, outcome);
    const { token, session, position } = outcome;
    void openSessionCookie(reply, token).header('position', String(position));
    return meOf(await this.queries.execute(new WhoAmI(session)));
  }

  @ApiOperation({ summary: 'One’s own sessions that are alive, newest first.' })
  @Get('api/v1/sessions')
  @UseGuards(PortalSessionGuard)
  @BeforeEnrolment()
  @ApiCookieAuth()
  @ApiResponse({ status: 200, standardSchema: sessionsResponse })
  @ApiResponse({ status: 401, standardSchema: problem, description: 'session.required' })
  async list(@CurrentCaller() caller: Caller): Promise<z.infer<typeof sessionsResponse>> {
    return sessionsOf(await this.queries.execute(new ListSessions(caller)), caller.sessionId);
  }

  /** Ends the session and clears the cookie, also when the session is over already. */
  @ApiOperation({ summary: 'Signs out, from the next request on.' })
  @Delete('api/v1/sessions/current')
  @HttpCode(204)
  @ApiCookieAuth()
  @ApiSecurity({})
  @ApiResponse({ status: 204 })
  async signOut(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<void> {
    const session = await this.guard.sessionNamedIn(request);
    if (session !== undefined) await this.commands.execute(new SignOut(session));
    void clearSessionCookie(reply);
  }

  @ApiOperation({ summary: 'Ends one of one’s own sessions, from its next request on.' })
  @Delete('api/v1/sessions/:id')
  @HttpCode(204)
  @UseGuards(PortalSessionGuard)
  @BeforeEnrolment()
  @ApiCookieAuth()
  @ApiResponse({ status: 204 })
  @ApiResponse({ status: 401, standardSchema: problem, description: 'session.required' })
  @ApiResponse({ status: 404, standardSchema: problem, description: 'session.unknown' })
  async end(
    @Param('id') id: string,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const session = idInPath(id, () => new ProblemException(404, 'session.unknown', 'You have no such session.'));
    await this.commands.execute(new EndSession(session, caller));
    if (session === caller.sessionId) void clearSessionCookie(reply);
  }

  @ApiOperation({ summary: 'Who is signed in, for which customer, with which permissions, and until when.' })
  @Get('api/v1/me')
  @UseGuards(PortalSessionGuard)
  @BeforeEnrolment()
  @ApiBearerAuth()
  @ApiResponse({ status: 200, standardSchema: meResponse })
  @ApiResponse({ status: 401, standardSchema: problem, description: 'session.required' })
  async me(@CurrentSession() session: Session): Promise<z.infer<typeof meResponse>> {
    return meOf(await this.queries.execute(new WhoAmI(session)));
  }

  /**
   * For the gateway: a token of at most 60 s in exchange for the cookie. `expires_at` in Unix seconds. The header
   * `x-background: 1` says that nobody does something, so that the idle hour goes on.
   */
  @Post('internal/session-tokens')
  @HttpCode(200)
  @ApiExcludeEndpoint()
  async exchange(@Req() request: FastifyRequest): Promise<{ token: string; expires_at: number }> {
    const token = sessionTokenOf(request);
    const issued = token && (await this.queries.execute(new ExchangeSession({ token }, isForeground(request))));
    if (issued === 'enrolment-required') {
      describeCall(request, { ...(await this.guard.identify(request)), reason: 'session.enrolment-required' });
      throw enrolmentRequired();
    }
    if (!issued) throw new ProblemException(401, 'session.required', 'Please sign in.');
    return { token: issued.token, expires_at: issued.expiresAt };
  }

  /** The keys that session tokens are verified with. */
  @Get('.well-known/jwks.json')
  @ApiOperation({ summary: 'The public keys that verify session tokens (RFC 7517).' })
  @ApiResponse({ status: 200, standardSchema: jwks })
  jwks(@Res({ passthrough: true }) reply: FastifyReply): unknown {
    void reply.header('cache-control', 'public, max-age=300');
    return this.tokens.jwks();
  }
}

function codeOf({ totp, recovery_code: recoveryCode }: SignInRequest): Code | undefined {
  if (totp !== undefined) return { totp: withoutBlanks(totp) };
  return recoveryCode === undefined ? undefined : { recoveryCode };
}

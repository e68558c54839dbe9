import { Body, Controller, HttpCode, Param, Post, Req, Res, UseGuards } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { OwnerOnly } from '@rebelcore/api-access/permissions';
import { problem } from '@rebelcore/contracts/problem';
import { contextOf } from '@rebelcore/service/correlation';
import { ProblemException } from '@rebelcore/service/problem';
import { openSessionCookie } from '@rebelcore/service/session-cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { actorOf, appendContextOf, CurrentCaller, type Caller } from '../access/caller.js';
import { OperatorGuard } from '../access/operator.guard.js';
import { BeforeEnrolment, PortalSessionGuard } from '../access/portal-session.guard.js';
import { idInPath, sixDigits, withoutBlanks } from '../http/request-fields.js';
import { tooManyAttempts } from '../session/sign-in-refusals.js';
import { userId } from '../user/user-item.js';
import {
  BeginEnrolment,
  ConfirmEnrolment,
  RenewRecoveryCodes,
  ResetOwnersSecondFactor,
  ResetSecondFactor,
} from './second-factor.commands.js';

const newSecretResponse = z
  .object({
    secret: z.string().meta({ description: 'base32, to be typed into the app.' }),
    otpauth_uri: z.string().meta({ description: 'The same for a QR code.' }),
  })
  .meta({ id: 'NewSecondFactor' });

const confirmRequest = z.strictObject({ totp: sixDigits }).meta({ id: 'ConfirmSecondFactorRequest' });

const confirmResponse = z
  .object({ recovery_codes: z.array(z.string()).length(10).meta({ description: 'Each opens once. Shown only now.' }) })
  .meta({ id: 'RecoveryCodes' });

const unknownCustomer = () => new ProblemException(404, 'customer.unknown', 'There is no customer with this id.');

@ApiTags('second factor')
@ApiBearerAuth()
@Controller('api/v1')
export class SecondFactorController {
  constructor(private readonly commands: CommandBus) {}

  /** Each time a new secret, until one of them is confirmed. */
  @ApiOperation({ summary: 'A secret for one’s authenticator app, to be confirmed by a code of it.' })
  @Post('me/second-factor')
  @UseGuards(PortalSessionGuard)
  @BeforeEnrolment()
  @ApiResponse({ status: 201, standardSchema: newSecretResponse })
  @ApiResponse({ status: 401, standardSchema: problem, description: 'session.required' })
  @ApiResponse({ status: 409, standardSchema: problem, description: 'second-factor.enrolled' })
  async begin(@CurrentCaller() caller: Caller): Promise<z.infer<typeof newSecretResponse>> {
    const { secret, otpauthUri } = await this.commands.execute(new BeginEnrolment(caller));
    return { secret, otpauth_uri: otpauthUri };
  }

  @ApiOperation({
    summary: 'Confirms one’s authenticator app; the session may do everything from here on, under a new cookie.',
  })
  @Post('me/second-factor/confirm')
  @HttpCode(200)
  @UseGuards(PortalSessionGuard)
  @BeforeEnrolment()
  @ApiResponse({ status: 200, standardSchema: confirmResponse })
  @ApiResponse({
    status: 400,
    standardSchema: problem,
    description: 'request.invalid, second-factor.wrong-code; both name the field totp.',
  })
  @ApiResponse({ status: 401, standardSchema: problem, description: 'session.required' })
  @ApiResponse({
    status: 409,
    standardSchema: problem,
    description: 'second-factor.enrolled, second-factor.not-begun',
  })
  async confirm(
    @Body({ schema: confirmRequest }) body: z.infer<typeof confirmRequest>,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof confirmResponse>> {
    const command = new ConfirmEnrolment(withoutBlanks(body.totp), caller);
    const { recoveryCodes, sessionToken, position } = await this.commands.execute(command);
    void openSessionCookie(reply, sessionToken).header('position', String(position));
    return { recovery_codes: [...recoveryCodes] };
  }

  @ApiOperation({
    summary: 'Ten other recovery codes, for a code of one’s authenticator app; those before open nothing any more.',
  })
  @Post('me/recovery-codes')
  @HttpCode(200)
  @UseGuards(PortalSessionGuard)
  @ApiResponse({ status: 200, standardSchema: confirmResponse })
  @ApiResponse({
    status: 400,
    standardSchema: problem,
    description: 'request.invalid, second-factor.wrong-code, second-factor.used-code; all name the field totp.',
  })
  @ApiResponse({ status: 401, standardSchema: problem, description: 'session.required' })
  @ApiResponse({ status: 403, standardSchema: problem, description: 'session.enrolment-required' })
  @ApiResponse({ status: 409, standardSchema: problem, description: 'second-factor.not-enrolled' })
  @ApiResponse({
    status: 429,
    standardSchema: problem,
    description: 'session.too-many-attempts; Retry-After says in how many seconds a code is looked at again.',
  })
  async renewRecoveryCodes(
    @Body({ schema: confirmRequest }) body: z.infer<typeof confirmRequest>,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof confirmResponse>> {
    const renewed = await this.commands.execute(new RenewRecoveryCodes(withoutBlanks(body.totp), caller));
    if ('waitS' in renewed) throw tooManyAttempts(renewed.waitS);
    void reply.header('position', String(renewed.position));
    return { recovery_codes: [...renewed.recoveryCodes] };
  }

  /** For somebody who has lost the app and the codes: the next sign-in enrols anew. Ends the person's sessions. */
  @ApiOperation({
    summary: 'Takes a person’s second factor away, so that the next sign-in enrols another; for the owner.',
  })
  @Post('users/:id/reset-second-factor')
  @HttpCode(204)
  @UseGuards(PortalSessionGuard)
  @OwnerOnly()
  @ApiResponse({ status: 204 })
  @ApiResponse({ status: 401, standardSchema: problem, description: 'session.required' })
  @ApiResponse({ status: 403, standardSchema: problem, description: 'permission.missing, session.enrolment-required' })
  @ApiResponse({ status: 404, standardSchema: problem, description: 'user.unknown' })
  @ApiResponse({ status: 409, standardSchema: problem, description: 'portal-user.is-owner' })
  async reset(
    @Param('id') id: string,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const whose = { portalUserId: userId(id), customerId: caller.customerId };
    const command = new ResetSecondFactor(whose, actorOf(caller), appendContextOf(caller));
    const position = await this.commands.execute(command);
    void reply.header('position', String(position));
  }

  @ApiOperation({ summary: 'Takes the second factor of a Super Admin away, for the platform operator.' })
  @Post('customers/:id/owner/reset-second-factor')
  @HttpCode(204)
  @UseGuards(OperatorGuard)
  @ApiResponse({ status: 204 })
  @ApiResponse({ status: 401, standardSchema: problem, description: 'operator.required' })
  @ApiResponse({ status: 404, standardSchema: problem, description: 'customer.unknown' })
  async resetOwner(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const customer = idInPath(id, unknownCustomer);
    const position = await this.commands.execute(new ResetOwnersSecondFactor(customer, contextOf(request)));
    void reply.header('position', String(position));
  }
}

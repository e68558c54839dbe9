import { Body, Controller, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { describeCall } from '@rebelcore/api-access/record-calls.plugin';
import { problem } from '@rebelcore/contracts/problem';
import { networkOf } from '@rebelcore/api-access/networks';
import { contextOf } from '@rebelcore/service/correlation';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AcceptInvite } from './accept-invite.commands.js';
import { chosenPassword } from './chosen-password.js';

const acceptRequest = z.strictObject({ password: chosenPassword }).meta({ id: 'AcceptInviteRequest' });

@ApiTags('users')
@Controller('api/v1/invites')
export class InviteController {
  constructor(private readonly commands: CommandBus) {}

  /** For whoever holds the link, signed in nowhere. The record of a refused call names the route and not the token. */
  @ApiOperation({
    summary: 'Sets the password of an invited person, by the token of the link, once and within 24 hours.',
  })
  @Post(':token/accept')
  @HttpCode(204)
  @ApiResponse({ status: 204, description: 'The password is set.' })
  @ApiResponse({ status: 400, standardSchema: problem })
  @ApiResponse({ status: 410, standardSchema: problem, description: 'invite.not-valid' })
  @ApiResponse({ status: 429, standardSchema: problem, description: 'session.busy: too many passwords at once.' })
  async accept(
    @Param('token') token: string,
    @Body({ schema: acceptRequest }) body: z.infer<typeof acceptRequest>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const command = new AcceptInvite(token, body.password, networkOf(request.callerIp), contextOf(request));
    const outcome = await this.commands.execute(command);
    if (typeof outcome === 'object') {
      const { because, ...whose } = outcome;
      describeCall(request, whose);
      throw because;
    }
    void reply.header('position', String(outcome));
  }
}

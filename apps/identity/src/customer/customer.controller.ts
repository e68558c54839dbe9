import { Body, Controller, HttpCode, Param, Post, Req, Res, UseGuards } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiBearerAuth, ApiBody, ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { problem } from '@rebelcore/contracts/problem';
import { Refused } from '@rebelcore/event-store/aggregate';
import { networkOf } from '@rebelcore/api-access/networks';
import { contextOf } from '@rebelcore/service/correlation';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { OperatorGuard } from '../access/operator.guard.js';
import { OptionalIdempotencyKey } from '../http/idempotency-key.js';
import { idInPath, line } from '../http/request-fields.js';
import { chosenPassword } from '../portal-user/chosen-password.js';
import { LOST_PERSON, lostPerson, personFields, personIn, type LostPerson } from '../portal-user/person-fields.js';
import { InviteOwnerAgain, ProvisionCustomer } from './customer.commands.js';

const provisionRequest = z
  .strictObject({
    name: line(200),
    owner: z
      .strictObject({
        ...personFields,
        password: chosenPassword.optional().meta({ description: 'Made by the server when missing, and shown once.' }),
        invite: z.boolean().default(false).meta({ description: 'A link to set a password with is mailed instead.' }),
      })
      .refine(({ invite, password }) => !invite || password === undefined, {
        path: ['invite'],
        message: 'must not stand beside a password',
      }),
  })
  .meta({ id: 'ProvisionRequest' });

const provisionResponse = z
  .object({
    customer: z.object({ id: z.uuid(), name: z.string(), created_at: z.iso.datetime() }),
    owner: z.object({ id: z.uuid(), email: z.string(), owner: z.literal(true), password: z.string().optional() }),
  })
  .meta({ id: 'ProvisionResponse' });

@ApiTags('customers')
@Controller('api/v1/customers')
export class CustomerController {
  constructor(private readonly commands: CommandBus) {}

  /** For the platform operator: a customer with its Super Admin. Repeated with its Idempotency-Key it makes no other. */
  @ApiOperation({ summary: 'Provisions a customer with its Super Admin, for the platform operator.' })
  @Post()
  @UseGuards(OperatorGuard)
  @ApiBearerAuth()
  @ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description: '1 to 255 visible ASCII characters.',
    schema: { type: 'string', pattern: '^[!-~]{1,255}$' },
  })
  @ApiResponse({ status: 201, standardSchema: provisionResponse })
  @ApiResponse({ status: 200, standardSchema: provisionResponse, description: 'The same request as before.' })
  @ApiResponse({ status: 400, standardSchema: problem })
  @ApiResponse({ status: 401, standardSchema: problem })
  @ApiResponse({ status: 409, standardSchema: problem, description: 'portal-user.email-taken' })
  @ApiResponse({ status: 422, standardSchema: problem, description: 'idempotency-key.reused' })
  @ApiResponse({ status: 429, standardSchema: problem, description: 'session.busy: too many passwords at once.' })
  @ApiResponse({ status: 503, standardSchema: problem, description: 'mail.not-configured' })
  async provision(
    @Body({ schema: provisionRequest }) body: z.infer<typeof provisionRequest>,
    @OptionalIdempotencyKey() key: string | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof provisionResponse>> {
    const { email, first_name: firstName, last_name: lastName, password, invite } = body.owner;
    const owner = { email, firstName, lastName, password, invite };
    const command = new ProvisionCustomer(body.name, owner, key, networkOf(request.callerIp), contextOf(request));
    const provisioned = await this.commands.execute(command);
    const { customer, position, replayed } = provisioned;
    void reply.header('position', String(position));
    if (replayed) void reply.status(200).header('idempotency-replayed', 'true');
    return {
      customer: { id: customer.id, name: customer.name, created_at: customer.createdAt.toISOString() },
      owner: { ...provisioned.owner, owner: true },
    };
  }

  @ApiOperation({
    summary: 'Mails a fresh link to an owner who has no password; for the platform operator.',
    description: LOST_PERSON,
  })
  @Post(':id/owner/resend-invite')
  @ApiBody({ required: false })
  @HttpCode(204)
  @UseGuards(OperatorGuard)
  @ApiBearerAuth()
  @ApiResponse({ status: 204, description: 'The link is on its way; the older one is void.' })
  @ApiResponse({ status: 400, standardSchema: problem, description: 'request.invalid, portal-user.address-lost' })
  @ApiResponse({ status: 401, standardSchema: problem })
  @ApiResponse({ status: 404, standardSchema: problem, description: 'customer.unknown' })
  @ApiResponse({
    status: 409,
    standardSchema: problem,
    description: 'portal-user.already-registered, portal-user.address-known, portal-user.email-taken',
  })
  @ApiResponse({ status: 503, standardSchema: problem, description: 'mail.not-configured' })
  async resendOwnersInvite(
    @Param('id') id: string,
    @Body({ schema: lostPerson }) body: LostPerson,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const command = new InviteOwnerAgain(idInPath(id, unknown), personIn(body), contextOf(request));
    const position = await this.commands.execute(command);
    void reply.header('position', String(position));
  }
}

const unknown = () => new Refused('customer.unknown', 'There is no such customer.');

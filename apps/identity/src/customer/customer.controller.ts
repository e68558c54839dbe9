import { Body, Controller, Post, Req, Res, UseGuards } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { problem } from '@rebelcore/contracts/problem';
import { contextOf } from '@rebelcore/service/correlation';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { OperatorGuard } from '../access/operator.guard.js';
import { line } from '../http/request-fields.js';
import { isAcceptable } from '../passwords.js';
import { emailAddress } from '../portal-user/email.js';
import { ProvisionCustomer } from './customer.commands.js';

const chosenPassword = z
  .string()
  .max(128, 'must be at most 128 characters')
  .refine(isAcceptable, 'must have at least 12 characters, letters and digits');

const provisionRequest = z
  .strictObject({
    name: line(200),
    owner: z.strictObject({
      email: emailAddress,
      first_name: line(100),
      last_name: line(100),
      password: chosenPassword.optional().meta({ description: 'Made by the server when missing, and shown once.' }),
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

  /** For the platform operator: a customer with its Super Admin. */
  @ApiOperation({ summary: 'Provisions a customer with its Super Admin, for the platform operator.' })
  @Post()
  @UseGuards(OperatorGuard)
  @ApiBearerAuth()
  @ApiResponse({ status: 201, standardSchema: provisionResponse })
  @ApiResponse({ status: 400, standardSchema: problem })
  @ApiResponse({ status: 401, standardSchema: problem })
  @ApiResponse({ status: 409, standardSchema: problem, description: 'portal-user.email-taken' })
  async provision(
    @Body({ schema: provisionRequest }) body: z.infer<typeof provisionRequest>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof provisionResponse>> {
    const { email, first_name: firstName, last_name: lastName, password } = body.owner;
    const owner = { email, firstName, lastName, password };
    const provisioned = await this.commands.execute(new ProvisionCustomer(body.name, owner, contextOf(request)));
    const { customer, position } = provisioned;
    void reply.header('position', String(position)).header('cache-control', 'no-store');
    return {
      customer: { id: customer.id, name: customer.name, created_at: customer.createdAt.toISOString() },
      owner: { ...provisioned.owner, owner: true },
    };
  }
}

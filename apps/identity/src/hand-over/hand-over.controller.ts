import { Body, Controller, Delete, Get, HttpCode, Param, Post, Req, Res, UseGuards } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { OwnerOnly } from '@rebelcore/api-access/permissions';
import { describeCall } from '@rebelcore/api-access/record-calls.plugin';
import { problem } from '@rebelcore/contracts/problem';
import { Refused } from '@rebelcore/event-store/aggregate';
import { contextOf } from '@rebelcore/service/correlation';
import { ProblemException } from '@rebelcore/service/problem';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CurrentCaller, type Caller } from '../access/caller.js';
import { PortalSessionGuard } from '../access/portal-session.guard.js';
import { idInPath } from '../http/request-fields.js';
import { userId } from '../user/user-item.js';
import { FindUser } from '../user/user.queries.js';
import { CreateHandOver, OpenHandOver, WithdrawHandOver } from './hand-over.commands.js';
import type { Gone } from './hand-over.js';
import { HandOvers } from './hand-overs.js';

const BASE64URL = /^[A-Za-z0-9_-]+$/;
const createRequest = z
  .strictObject({
    ciphertext: z
      .string()
      .max(8_192, 'must be at most 8192 characters')
      .regex(BASE64URL, 'must be base64url without padding')
      .meta({
        description: 'AES-256-GCM under the key in the fragment of the link: 12 bytes IV, then ciphertext and tag.',
      }),
  })
  .meta({ id: 'HandOverRequest' });

const created = z
  .object({ id: z.uuid(), expires_at: z.iso.datetime(), status: z.literal('waiting') })
  .meta({ id: 'CreatedHandOver' });
const opened = z.object({ ciphertext: z.string() }).meta({ id: 'OpenedHandOver' });
const list = z
  .object({
    items: z.array(
      z.object({
        id: z.uuid(),
        created_at: z.iso.datetime(),
        expires_at: z.iso.datetime(),
        status: z.enum(['waiting', 'opened', 'expired', 'withdrawn']),
        opened_at: z.iso.datetime().nullable(),
        opened_ip: z.string().nullable(),
        failed_openings: z.int().meta({ description: 'How often it was tried once it no longer opened.' }),
        last_failed_at: z.iso.datetime().nullable(),
      }),
    ),
    next_cursor: z.null().meta({ description: 'The newest 50 are all there is to see.' }),
    as_of: z.iso.datetime(),
  })
  .meta({ id: 'HandOverList' });

@ApiTags('hand-over')
@Controller('api/v1')
export class HandOverController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
    private readonly handOvers: HandOvers,
  ) {}

  @ApiOperation({ summary: 'Makes a link behind which encrypted credentials wait for an hour, to be opened once.' })
  @Post('api-users/:id/hand-overs')
  @UseGuards(PortalSessionGuard)
  @OwnerOnly()
  @ApiBearerAuth()
  @ApiResponse({ status: 201, standardSchema: created })
  @ApiResponse({ status: 400, standardSchema: problem })
  @ApiResponse({ status: 403, standardSchema: problem })
  @ApiResponse({ status: 404, standardSchema: problem, description: 'user.unknown' })
  async create(
    @Param('id') id: string,
    @Body({ schema: createRequest }) { ciphertext }: z.infer<typeof createRequest>,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof created>> {
    const command = new CreateHandOver(userId(id), ciphertext, caller);
    const { id: handOverId, expiresAt, position } = await this.commands.execute(command);
    void reply.header('position', String(position));
    return { id: handOverId, expires_at: expiresAt.toISOString(), status: 'waiting' };
  }

  @ApiOperation({ summary: 'The links for the credentials of an API user, and who has opened or tried them.' })
  @Get('api-users/:id/hand-overs')
  @UseGuards(PortalSessionGuard)
  @OwnerOnly()
  @ApiBearerAuth()
  @ApiResponse({ status: 200, standardSchema: list })
  @ApiResponse({ status: 403, standardSchema: problem })
  @ApiResponse({ status: 404, standardSchema: problem, description: 'user.unknown' })
  async list(@Param('id') id: string, @CurrentCaller() caller: Caller): Promise<z.infer<typeof list>> {
    const asOf = new Date().toISOString();
    const { id: apiUserId } = await this.queries.execute(new FindUser(userId(id), caller));
    const rows = await this.handOvers.ofApiUser(caller.customerId, apiUserId);
    const items = rows.map((row) => ({
      id: row.id,
      created_at: row.createdAt.toISOString(),
      expires_at: row.expiresAt.toISOString(),
      status: row.status,
      opened_at: row.openedAt?.toISOString() ?? null,
      opened_ip: row.openedIp,
      failed_openings: row.failedOpenings,
      last_failed_at: row.lastFailedAt?.toISOString() ?? null,
    }));
    return { items, next_cursor: null, as_of: asOf };
  }

  @ApiOperation({ summary: 'Withdraws a link that was not opened yet; what waits behind it is deleted.' })
  @Delete('hand-overs/:id')
  @UseGuards(PortalSessionGuard)
  @OwnerOnly()
  @HttpCode(204)
  @ApiBearerAuth()
  @ApiResponse({ status: 204 })
  @ApiResponse({ status: 403, standardSchema: problem })
  @ApiResponse({ status: 404, standardSchema: problem, description: 'hand-over.unknown' })
  @ApiResponse({ status: 409, standardSchema: problem, description: 'hand-over.opened' })
  async withdraw(
    @Param('id') id: string,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const { position } = await this.commands.execute(new WithdrawHandOver(idInPath(id, unknown), caller));
    void reply.header('position', String(position));
  }

  /** No sign-in: whoever is to have the credentials need not have an account. Without the key they are of no use. */
  @ApiOperation({ summary: 'Opens a link, once: the answer is the only one, and what waited is deleted.' })
  @Post('hand-overs/:id/open')
  @HttpCode(200)
  @ApiResponse({ status: 200, standardSchema: opened })
  @ApiResponse({ status: 404, standardSchema: problem, description: 'hand-over.unknown' })
  @ApiResponse({
    status: 410,
    standardSchema: problem,
    description: 'hand-over.opened, hand-over.withdrawn, hand-over.expired',
  })
  async open(@Param('id') id: string, @Req() request: FastifyRequest): Promise<z.infer<typeof opened>> {
    const command = new OpenHandOver(idInPath(id, unknown), request.callerIp, contextOf(request));
    const outcome = await this.commands.execute(command);
    if ('gone' in outcome) {
      const { gone: reason, customerId, apiUserId: whose } = outcome;
      describeCall(request, { customerId, apiUserId: whose, reason });
      throw new ProblemException(410, reason, WHY_GONE[reason]);
    }
    return { ciphertext: outcome.ciphertext };
  }
}

const WHY_GONE: Readonly<Record<Gone, string>> = {
  'hand-over.opened': 'This link was opened already, and opens once. If it was not you, tell whoever sent it.',
  'hand-over.withdrawn': 'This link was withdrawn by whoever sent it; nobody has opened it.',
  'hand-over.expired': 'This link has expired; nobody has opened it. Ask whoever sent it for a new one.',
};

const unknown = () => new Refused('hand-over.unknown', 'There is no such link.');

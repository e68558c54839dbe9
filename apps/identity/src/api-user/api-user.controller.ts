import { Body, Controller, Post, Res, UseGuards } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiBearerAuth, ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { OwnerOnly } from '@rebelcore/api-access/permissions';
import { MAX_CLIENT_KEYS } from '@rebelcore/contracts/client-key';
import { problem } from '@rebelcore/contracts/problem';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { CurrentCaller, type Caller } from '../access/caller.js';
import { PortalSessionGuard } from '../access/portal-session.guard.js';
import { IdempotencyKey } from '../http/idempotency-key.js';
import { idOf, line } from '../http/request-fields.js';
import { MintApiUser } from './api-user.commands.js';
import { networkFields } from './networks.js';
import { publicKey } from './public-key.js';

const mintRequest = z
  .strictObject({
    role_id: idOf('a role'),
    label: line(100).optional().meta({ description: 'What it is for: environment, application or tenant.' }),
    replaces: idOf('an API user').optional().meta({ description: 'An API user of the same role.' }),
    public_keys: z
      .array(publicKey)
      .max(MAX_CLIENT_KEYS, `must be at most ${String(MAX_CLIENT_KEYS)}`)
      .default([])
      .meta({ description: 'By which it may authenticate at /oauth2/token instead of by its password.' }),
    authorize_networks: networkFields.authorize_networks.default([]),
    token_networks: networkFields.token_networks.default([]),
  })
  .meta({ id: 'MintRequest' });

const mintResponse = z
  .object({
    id: z.uuid(),
    username: z.string(),
    password: z.string().optional().meta({ description: 'Shown this once; absent from the answer to a repetition.' }),
    role: z.object({ id: z.uuid(), name: z.string() }),
    created_at: z.iso.datetime(),
    enforced_at: z.null().optional().meta({ description: 'Present when /authorize may not accept it yet.' }),
  })
  .meta({ id: 'MintResponse' });

@ApiTags('API users')
@Controller('api/v1/api-users')
export class ApiUserController {
  constructor(private readonly commands: CommandBus) {}

  /** Mints an API user. Repeated with the same Idempotency-Key it answers the same one, without the password. */
  @ApiOperation({ summary: 'Mints an API user; the answer is the only time its password is shown.' })
  @Post()
  @UseGuards(PortalSessionGuard)
  @OwnerOnly()
  @ApiBearerAuth()
  @ApiHeader({
    name: 'Idempotency-Key',
    required: true,
    description: '1 to 255 visible ASCII characters.',
    schema: { type: 'string', pattern: '^[!-~]{1,255}$' },
  })
  @ApiResponse({ status: 201, standardSchema: mintResponse, description: '/authorize accepts it.' })
  @ApiResponse({ status: 202, standardSchema: mintResponse, description: 'Minted, and not confirmed in 5 s.' })
  @ApiResponse({ status: 200, standardSchema: mintResponse, description: 'The same request as before.' })
  @ApiResponse({ status: 400, standardSchema: problem })
  @ApiResponse({ status: 403, standardSchema: problem })
  @ApiResponse({ status: 404, standardSchema: problem, description: 'api-user.replaces-unknown' })
  @ApiResponse({ status: 409, standardSchema: problem, description: 'api-user.replaces-other-role' })
  @ApiResponse({ status: 422, standardSchema: problem, description: 'idempotency-key.reused' })
  async mint(
    @Body({ schema: mintRequest }) body: z.infer<typeof mintRequest>,
    @IdempotencyKey() idempotencyKey: string,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof mintResponse>> {
    const { role_id: roleId, label, replaces, public_keys: keys } = body;
    const confinement = { authorize: body.authorize_networks, token: body.token_networks };
    const request = { roleId, label, replaces, keys, confinement };
    const minted = await this.commands.execute(new MintApiUser(request, idempotencyKey, caller));
    const { id, username, password, role, createdAt, position, enforcedAt } = minted;
    void reply.header('position', String(position));
    const repeated = password === undefined;
    if (repeated) void reply.header('idempotency-replayed', 'true');
    void reply.status(repeated ? 200 : enforcedAt === undefined ? 202 : 201);
    return {
      id,
      username,
      ...(!repeated && { password }),
      role,
      created_at: createdAt.toISOString(),
      ...(enforcedAt === undefined && { enforced_at: null }),
    };
  }
}

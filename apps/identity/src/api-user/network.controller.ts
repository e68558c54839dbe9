import { Body, Controller, Get, Param, Put, Res, UseGuards } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { OwnerOnly } from '@rebelcore/api-access/permissions';
import { problem } from '@rebelcore/contracts/problem';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { CurrentCaller, type Caller } from '../access/caller.js';
import { PortalSessionGuard } from '../access/portal-session.guard.js';
import { enforcedAtField, userId } from '../user/user-item.js';
import type { Confinement } from './api-user.js';
import { ConfineApiUser, ConfinementOfApiUser } from './network.commands.js';
import { networkFields } from './networks.js';

const setRequest = z.strictObject(networkFields).meta({ id: 'SetNetworksRequest' });

const networksItem = z
  .object({ authorize_networks: z.array(z.string()), token_networks: z.array(z.string()) })
  .meta({ id: 'ApiUserNetworks' });
const setResponse = networksItem.extend({ enforced_at: enforcedAtField }).meta({ id: 'SetNetworksResponse' });

/** The networks that an API user is confined to: its credentials, and apart from them the use of its tokens. */
@ApiTags('API users')
@ApiBearerAuth()
@UseGuards(PortalSessionGuard)
@OwnerOnly()
@Controller('api/v1/api-users/:id/networks')
export class NetworkController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  @ApiOperation({
    summary: 'The networks from which an API user may authenticate, and use its tokens; none for anywhere.',
  })
  @Get()
  @ApiResponse({ status: 200, standardSchema: networksItem })
  @ApiResponse({ status: 403, standardSchema: problem })
  @ApiResponse({ status: 404, standardSchema: problem, description: 'user.unknown' })
  async read(@Param('id') id: string, @CurrentCaller() caller: Caller): Promise<z.infer<typeof networksItem>> {
    return itemOf(await this.queries.execute(new ConfinementOfApiUser(userId(id), caller)));
  }

  @ApiOperation({
    summary:
      'Sets both lists, for tokens that are issued afterwards; 200 means that they are in force, 202 that this is not confirmed yet.',
  })
  @Put()
  @ApiResponse({ status: 200, standardSchema: setResponse, description: 'In force.' })
  @ApiResponse({ status: 202, standardSchema: setResponse, description: 'Not confirmed in 5 s.' })
  @ApiResponse({ status: 400, standardSchema: problem, description: 'Which network breaks which rule.' })
  @ApiResponse({ status: 403, standardSchema: problem })
  @ApiResponse({ status: 404, standardSchema: problem, description: 'user.unknown' })
  async set(
    @Param('id') id: string,
    @Body({ schema: setRequest }) body: z.infer<typeof setRequest>,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof setResponse>> {
    const to = { authorize: body.authorize_networks, token: body.token_networks };
    const { position, enforcedAt } = await this.commands.execute(new ConfineApiUser(userId(id), to, caller));
    void reply.header('position', String(position)).status(enforcedAt === undefined ? 202 : 200);
    return { ...itemOf(to), enforced_at: enforcedAt?.toISOString() ?? null };
  }
}

const itemOf = ({ authorize, token }: Confinement): z.infer<typeof networksItem> => ({
  authorize_networks: [...authorize],
  token_networks: [...token],
});

import { applyDecorators, Controller, Get, HttpCode, Inject, Param, Post, Query, Res, UseGuards } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RequirePermission } from '@rebelcore/api-access/permissions';
import { problem } from '@rebelcore/contracts/problem';
import { EventStore } from '@rebelcore/event-store/event-store';
import { Bulkhead } from '@rebelcore/service/bulkhead';
import { CONFIG } from '@rebelcore/service/config';
import { Cursors, pageParameters, unknownPosition } from '@rebelcore/service/cursor';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { CurrentCaller, type Caller } from '../access/caller.js';
import { PortalSessionGuard } from '../access/portal-session.guard.js';
import { ChangeApiUserStatus } from '../api-user/api-user.commands.js';
import { line } from '../http/request-fields.js';
import type { IdentityConfig } from '../identity.config.js';
import { ChangePortalUserStatus } from '../portal-user/portal-user.commands.js';
import { assertMayManageApiUsers, enforcedAtField, userId, userItem, userOf } from './user-item.js';
import { FindUser, ListUsers, type UserRow } from './user.queries.js';

// Without an id of its own: Nest describes the parameters of a query only where they stand in the operation.
const listQuery = z.strictObject({
  type: z.enum(['portal', 'api'], 'must be portal or api').optional(),
  status: z.enum(['active', 'inactive'], 'must be active or inactive').optional(),
  q: line(100).optional().meta({ description: 'A part of a name, an e-mail address, a label or a username.' }),
  ...pageParameters,
});

const usersResponse = z
  .object({ items: z.array(userItem), next_cursor: z.string().nullable(), as_of: z.iso.datetime() })
  .meta({ id: 'Users' });

const statusResponse = z
  .object({
    status: z.enum(['active', 'inactive']).meta({ description: 'Somebody who is still invited stays inactive.' }),
    enforced_at: enforcedAtField,
    live_tokens: z.int().nullish().meta({ description: 'Tokens that were issued and are valid until they expire.' }),
    last_expiry: z.iso.datetime().nullish(),
  })
  .meta({ id: 'UserStatus' });

/** The routes that answer once a status is in force, for an API user after five seconds at the latest. */
const ChangesStatus = () =>
  applyDecorators(
    HttpCode(200),
    RequirePermission('can_add_users'),
    ApiResponse({ status: 200, standardSchema: statusResponse, description: 'In force.' }),
    ApiResponse({ status: 202, standardSchema: statusResponse, description: 'Not confirmed in 5 s.' }),
    ApiResponse({ status: 403, standardSchema: problem, description: 'API users: Super Admin only.' }),
    ApiResponse({ status: 404, standardSchema: problem, description: 'user.unknown' }),
    ApiResponse({
      status: 409,
      standardSchema: problem,
      description: 'portal-user.is-owner, portal-user.is-yourself, api-user.leaked',
    }),
  );

@ApiTags('users')
@ApiBearerAuth()
@Controller('api/v1/users')
@UseGuards(PortalSessionGuard)
export class UserController {
  /** The id of the last user seen. */
  private readonly cursors: Cursors<string>;
  /** A search looks at every user of its customer. */
  private readonly lists = new Bulkhead({ atOnce: 4, waitMs: 2_000 });

  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
    private readonly store: EventStore,
    @Inject(CONFIG) config: IdentityConfig,
  ) {
    this.cursors = new Cursors(config.KEY_ENCRYPTION_KEY, 'users', z.uuid());
  }

  /** Portal users and API users of the caller's customer, newest first. */
  @ApiOperation({ summary: 'The portal users and API users of the caller’s customer.' })
  @Get()
  @RequirePermission('can_add_users')
  @ApiResponse({ status: 200, standardSchema: usersResponse })
  @ApiResponse({ status: 400, standardSchema: problem })
  @ApiResponse({ status: 403, standardSchema: problem })
  @ApiResponse({ status: 429, standardSchema: problem, description: 'request.crowded' })
  async list(
    @Query({ schema: listQuery }) query: z.infer<typeof listQuery>,
    @CurrentCaller() caller: Caller,
  ): Promise<z.infer<typeof usersResponse>> {
    const { cursor, limit, position, ...filter } = query;
    await this.requirePosition(position, caller);
    const after = this.cursors.decode(cursor, caller.customerId, filter);
    const list = new ListUsers(filter, after, limit, caller);
    const page = await this.lists.run(caller.customerId, () => this.queries.execute(list));
    return {
      items: page.rows.map(userOf),
      next_cursor: page.next === undefined ? null : this.cursors.encode(page.next, caller.customerId, filter),
      as_of: page.asOf.toISOString(),
    };
  }

  @ApiOperation({ summary: 'One user of the caller’s customer.' })
  @Get(':id')
  @RequirePermission('can_add_users')
  @ApiResponse({ status: 200, standardSchema: userItem })
  @ApiResponse({ status: 403, standardSchema: problem })
  @ApiResponse({ status: 404, standardSchema: problem, description: 'user.unknown' })
  async find(@Param('id') id: string, @CurrentCaller() caller: Caller): Promise<z.infer<typeof userItem>> {
    return userOf(await this.queries.execute(new FindUser(userId(id), caller)));
  }

  @ApiOperation({
    summary: 'Deactivates a user; 200 means that it is in force, 202 that this is not confirmed yet.',
  })
  @Post(':id/deactivate')
  @ChangesStatus()
  deactivate(
    @Param('id') id: string,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof statusResponse>> {
    return this.changeStatus(id, 'inactive', caller, reply);
  }

  @ApiOperation({ summary: 'Lets a deactivated user sign in, or authorize, again.' })
  @Post(':id/reactivate')
  @ChangesStatus()
  reactivate(
    @Param('id') id: string,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof statusResponse>> {
    return this.changeStatus(id, 'active', caller, reply);
  }

  private async changeStatus(
    id: string,
    to: 'active' | 'inactive',
    caller: Caller,
    reply: FastifyReply,
  ): Promise<z.infer<typeof statusResponse>> {
    const user = await this.queries.execute(new FindUser(userId(id), caller));
    if (user.type === 'portal') return this.changePortalUser(user, to, caller, reply);
    assertMayManageApiUsers(caller);
    const changed = await this.commands.execute(new ChangeApiUserStatus(user.id, to, caller));
    const { status, position, enforcedAt } = changed;
    void reply.header('position', String(position)).status(enforcedAt === undefined ? 202 : 200);
    return { status, enforced_at: enforcedAt?.toISOString() ?? null };
  }

  /** In force at once, since no token of a portal user is believed without asking here. */
  private async changePortalUser(
    { id }: UserRow,
    to: 'active' | 'inactive',
    caller: Caller,
    reply: FastifyReply,
  ): Promise<z.infer<typeof statusResponse>> {
    const position = await this.commands.execute(new ChangePortalUserStatus(id, to, caller));
    const { status } = await this.queries.execute(new FindUser(id, caller));
    void reply.header('position', String(position));
    return { status, enforced_at: new Date().toISOString(), live_tokens: 0, last_expiry: null };
  }

  // The list is written with the events, so it has every position that was ever handed out, and waiting brings no other.
  private async requirePosition(position: number, caller: Caller): Promise<void> {
    if (position > 0 && position > (await this.store.head(caller.customerId))) throw unknownPosition();
  }
}

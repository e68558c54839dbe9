import { applyDecorators, Controller, Get, HttpCode, Inject, Param, Post, Query, Res, UseGuards } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { OwnerOnly, RequirePermission } from '@rebelcore/api-access/permissions';
import { problem } from '@rebelcore/contracts/problem';
import { Refused } from '@rebelcore/event-store/aggregate';
import { EventStore } from '@rebelcore/event-store/event-store';
import { CONFIG } from '@rebelcore/service/config';
import { Cursors, pageParameters } from '@rebelcore/service/cursor';
import { ProblemException } from '@rebelcore/service/problem';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { CurrentCaller, type Caller } from '../access/caller.js';
import { PortalSessionGuard } from '../access/portal-session.guard.js';
import { ChangeApiUserStatus } from '../api-user/api-user.commands.js';
import type { IdentityConfig } from '../identity.config.js';
import { ListUsers, type UserRow } from './user.queries.js';

// Without an id of its own: Nest describes the parameters of a query only where they stand in the operation.
const listQuery = z.strictObject({
  type: z.enum(['portal', 'api'], 'must be portal or api').optional(),
  status: z.enum(['active', 'inactive'], 'must be active or inactive').optional(),
  q: z.string().trim().min(1, 'must not be empty').max(100, 'must be at most 100 characters').optional(),
  ...pageParameters,
});

const user = z.object({
  id: z.uuid(),
  type: z.enum(['portal', 'api']),
  owner: z.boolean(),
  status: z.enum(['active', 'inactive']),
  created_at: z.iso.datetime(),
  email: z.string().optional(),
  first_name: z.string().optional(),
  last_name: z.string().optional(),
  username: z.string().optional(),
  label: z.string().nullish(),
  replaces: z.uuid().nullish(),
  role: z.object({ id: z.uuid(), name: z.string() }).optional(),
  enforced_at: z.iso
    .datetime()
    .nullish()
    .meta({ description: 'API users: null until /authorize decides by the status.' }),
});
const usersResponse = z
  .object({ items: z.array(user), next_cursor: z.string().nullable(), as_of: z.iso.datetime() })
  .meta({ id: 'Users' });

const statusResponse = z
  .object({ status: z.enum(['active', 'inactive']), enforced_at: z.iso.datetime().nullable() })
  .meta({ id: 'UserStatus' });

const UUID = z.uuid();

/** The owner's routes that answer once a status is in force, or after five seconds. */
const ChangesStatus = () =>
  applyDecorators(
    HttpCode(200),
    OwnerOnly(),
    ApiResponse({ status: 200, standardSchema: statusResponse, description: 'In force.' }),
    ApiResponse({ status: 202, standardSchema: statusResponse, description: 'Not confirmed in 5 s.' }),
    ApiResponse({ status: 404, standardSchema: problem }),
    ApiResponse({ status: 409, standardSchema: problem, description: 'portal-user.is-owner' }),
  );

@ApiTags('users')
@ApiBearerAuth()
@Controller('api/v1/users')
@UseGuards(PortalSessionGuard)
export class UserController {
  /** The id of the last user seen. */
  private readonly cursors: Cursors<string>;

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
  async list(
    @Query({ schema: listQuery }) query: z.infer<typeof listQuery>,
    @CurrentCaller() caller: Caller,
  ): Promise<z.infer<typeof usersResponse>> {
    const { cursor, limit, position, ...filter } = query;
    await this.requirePosition(position, caller);
    const after = this.cursors.decode(cursor, caller.customerId, filter);
    const page = await this.queries.execute(new ListUsers(filter, after, limit, caller));
    return {
      items: page.rows.map(userOf),
      next_cursor: page.next === undefined ? null : this.cursors.encode(page.next, caller.customerId, filter),
      as_of: page.asOf.toISOString(),
    };
  }

  @ApiOperation({
    summary: 'Deactivates an API user; 200 means that it is in force, 202 that this is not confirmed yet.',
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

  @ApiOperation({ summary: 'Lets a deactivated API user authorize again.' })
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
    // What is not even an id belongs to nobody.
    if (!UUID.safeParse(id).success) throw new Refused('user.unknown', 'There is no such user.');
    const command = new ChangeApiUserStatus(id.toLowerCase(), to, caller);
    const { status, position, enforcedAt } = await this.commands.execute(command);
    void reply.header('position', String(position)).status(enforcedAt === undefined ? 202 : 200);
    return { status, enforced_at: enforcedAt?.toISOString() ?? null };
  }

  // The list is written with the events, so it has every position that was ever handed out, and waiting brings no other.
  private async requirePosition(position: number, caller: Caller): Promise<void> {
    if (position === 0 || position <= (await this.store.head(caller.customerId))) return;
    const detail = 'position: is not reached yet';
    throw new ProblemException(503, 'position.not-reached', detail, { retryAfter: 1 });
  }
}

function userOf(row: UserRow): z.infer<typeof user> {
  const { id, type, owner, status } = row;
  const common = { id, type, owner, status, created_at: row.created_at.toISOString() };
  if (type === 'portal') {
    return {
      ...common,
      email: row.email ?? '',
      first_name: row.first_name ?? '',
      last_name: row.last_name ?? '',
    };
  }
  return {
    ...common,
    username: row.username ?? '',
    label: row.label,
    replaces: row.replaces,
    role: { id: row.role_id ?? '', name: row.role_name ?? '' },
    enforced_at: row.applied_at?.toISOString() ?? null,
  };
}

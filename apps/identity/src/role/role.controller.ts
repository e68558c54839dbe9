import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Res, UseGuards } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RequirePermission } from '@rebelcore/api-access/permissions';
import { problem } from '@rebelcore/contracts/problem';
import { PERMISSIONS, PERMISSION_TEXTS, type Permission, type Role } from '@rebelcore/contracts/roles';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { CurrentCaller, type Caller } from '../access/caller.js';
import { PortalSessionGuard } from '../access/portal-session.guard.js';
import { idInPath, idOf, line } from '../http/request-fields.js';
import { AddRole, ChangeRole, DeleteRole } from './role.commands.js';
import { ListRoles } from './role.queries.js';
import { unknown } from './role.js';

const flagsOf = <Flag extends z.ZodType>(flag: () => Flag) =>
  Object.fromEntries(
    PERMISSIONS.map((name) => [name, flag().meta({ description: PERMISSION_TEXTS[name].sentence })]),
  ) as Record<Permission, Flag>;

const name = line(100).meta({ description: 'Used once per customer, whether it is written in capitals or not.' });
const flags = z.strictObject(flagsOf(() => z.boolean().optional()));

const addRequest = z
  .strictObject({
    name,
    permissions: flags.default({}).meta({ description: 'Flags not named are off, or as in the role it is a copy of.' }),
    copy_of: idOf('a role').optional(),
  })
  .meta({ id: 'AddRoleRequest' });

const changeRequest = z
  .strictObject({
    name: name.optional(),
    permissions: flags.optional().meta({ description: 'Flags not named stay as they are.' }),
  })
  .meta({ id: 'ChangeRoleRequest' });

const deleteQuery = z.strictObject({
  reassign_to: idOf('a role').optional().meta({ description: 'The role that its users get.' }),
});

const roleResponse = z
  .object({
    id: z.uuid(),
    name: z.string(),
    system: z.boolean().meta({ description: 'Read-only, and the same for every customer.' }),
    permissions: z.object(flagsOf(() => z.boolean())),
    users: z.int().meta({ description: 'Portal users and API users who have it.' }),
  })
  .meta({ id: 'Role' });

const rolesResponse = z
  .object({ items: z.array(roleResponse), next_cursor: z.null(), as_of: z.iso.datetime() })
  .meta({ id: 'Roles' });

const inUse = problem.extend({ users: z.int().optional() }).meta({ id: 'RoleProblem' });

@ApiTags('roles')
@ApiBearerAuth()
@Controller('api/v1/roles')
@UseGuards(PortalSessionGuard)
@ApiResponse({ status: 401, standardSchema: problem })
@ApiResponse({ status: 403, standardSchema: problem })
export class RoleController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  @ApiOperation({ summary: 'The roles that users of the caller’s customer can have: the system’s, then its own.' })
  @Get()
  @RequirePermission('can_add_roles', 'can_add_users')
  @ApiResponse({ status: 200, standardSchema: rolesResponse })
  async list(@CurrentCaller() caller: Caller): Promise<z.infer<typeof rolesResponse>> {
    const { roles, asOf } = await this.queries.execute(new ListRoles(caller));
    return { items: roles.map(responseOf), next_cursor: null, as_of: asOf.toISOString() };
  }

  @ApiOperation({ summary: 'Adds a role of the customer’s own, as a copy of another one where `copy_of` says so.' })
  @Post()
  @RequirePermission('can_add_roles')
  @ApiResponse({ status: 201, standardSchema: roleResponse })
  @ApiResponse({ status: 400, standardSchema: problem })
  @ApiResponse({ status: 409, standardSchema: problem, description: 'role.name-taken' })
  async add(
    @Body({ schema: addRequest }) body: z.infer<typeof addRequest>,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof roleResponse>> {
    const command = new AddRole(body.name, body.permissions, body.copy_of, caller);
    const { role, position } = await this.commands.execute(command);
    void reply.header('position', String(position));
    return responseOf(role);
  }

  @ApiOperation({ summary: 'Changes name or flags of a role; changed flags count from the next request.' })
  @Patch(':id')
  @RequirePermission('can_add_roles')
  @ApiResponse({ status: 200, standardSchema: roleResponse })
  @ApiResponse({ status: 400, standardSchema: problem })
  @ApiResponse({ status: 404, standardSchema: problem, description: 'role.unknown' })
  @ApiResponse({ status: 409, standardSchema: problem, description: 'role.is-system, role.name-taken' })
  async change(
    @Param('id') id: string,
    @Body({ schema: changeRequest }) body: z.infer<typeof changeRequest>,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof roleResponse>> {
    const command = new ChangeRole(idInPath(id, unknown), { name: body.name, flags: body.permissions }, caller);
    const { role, position } = await this.commands.execute(command);
    void reply.header('position', String(position));
    return responseOf(role);
  }

  @ApiOperation({ summary: 'Deletes a role; `reassign_to` gives its users another one at the same moment.' })
  @Delete(':id')
  @HttpCode(204)
  @RequirePermission('can_add_roles')
  @ApiResponse({ status: 204 })
  @ApiResponse({ status: 400, standardSchema: problem })
  @ApiResponse({ status: 404, standardSchema: problem, description: 'role.unknown' })
  @ApiResponse({ status: 409, standardSchema: inUse, description: 'role.is-system, role.in-use (with `users`)' })
  async delete(
    @Param('id') id: string,
    @Query({ schema: deleteQuery }) query: z.infer<typeof deleteQuery>,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const command = new DeleteRole(idInPath(id, unknown), query.reassign_to, caller);
    void reply.header('position', String(await this.commands.execute(command)));
  }
}

const responseOf = ({ id, name, system, permissions, users }: Role & { readonly users: number }) => ({
  id,
  name,
  system,
  permissions: Object.fromEntries(PERMISSIONS.map((flag) => [flag, permissions.includes(flag)])) as Record<
    Permission,
    boolean
  >,
  users,
});

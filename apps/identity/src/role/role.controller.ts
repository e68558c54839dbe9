import { Controller, Get, UseGuards } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RequirePermission } from '@rebelcore/api-access/permissions';
import { problem } from '@rebelcore/contracts/problem';
import { PERMISSIONS } from '@rebelcore/contracts/roles';
import { z } from 'zod';
import { CurrentCaller, type Caller } from '../access/caller.js';
import { PortalSessionGuard } from '../access/portal-session.guard.js';
import { ListRoles } from './role.queries.js';

const rolesResponse = z
  .object({
    items: z.array(
      z.object({
        id: z.uuid(),
        name: z.string(),
        system: z.boolean(),
        permissions: z.record(z.enum(PERMISSIONS), z.boolean()),
      }),
    ),
    next_cursor: z.null(),
    as_of: z.iso.datetime(),
  })
  .meta({ id: 'Roles' });

@ApiTags('roles')
@Controller('api/v1/roles')
export class RoleController {
  constructor(private readonly queries: QueryBus) {}

  @ApiOperation({ summary: 'The roles an API user can have.' })
  @Get()
  @UseGuards(PortalSessionGuard)
  @RequirePermission('can_add_roles')
  @ApiBearerAuth()
  @ApiResponse({ status: 200, standardSchema: rolesResponse })
  @ApiResponse({ status: 401, standardSchema: problem })
  @ApiResponse({ status: 403, standardSchema: problem })
  async list(@CurrentCaller() caller: Caller): Promise<z.infer<typeof rolesResponse>> {
    const roles = await this.queries.execute(new ListRoles(caller));
    return {
      items: roles.map(({ id, name, system, permissions }) => ({
        id,
        name,
        system,
        permissions: Object.fromEntries(
          PERMISSIONS.map((permission) => [permission, permissions.includes(permission)]),
        ) as Record<(typeof PERMISSIONS)[number], boolean>,
      })),
      next_cursor: null,
      as_of: new Date().toISOString(),
    };
  }
}

import { Body, Controller, Delete, HttpCode, Param, Patch, Post, Res, UseGuards } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiBearerAuth, ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RequirePermission } from '@rebelcore/api-access/permissions';
import { problem } from '@rebelcore/contracts/problem';
import { Refused } from '@rebelcore/event-store/aggregate';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { CurrentCaller, type Caller } from '../access/caller.js';
import { PortalSessionGuard } from '../access/portal-session.guard.js';
import { ChangeApiUserRole } from '../api-user/api-user.commands.js';
import { idOf } from '../http/request-fields.js';
import { assertMayManageApiUsers, userId, userItem, userOf } from '../user/user-item.js';
import { FindUser } from '../user/user.queries.js';
import { EditPortalUser, type PortalUserChanges } from './edit.commands.js';
import { InviteAgain } from './invite-again.commands.js';
import { LOST_PERSON, lostPerson, personFields, personIn, type LostPerson } from './person-fields.js';
import { DeletePortalUser, InvitePortalUser } from './portal-user.commands.js';

const details = { ...personFields, role_id: idOf('a role') };

const inviteRequest = z
  .strictObject({
    ...details,
    status: z
      .enum(['active', 'inactive'], 'must be active or inactive')
      .default('active')
      .meta({ description: 'What setting the password leads to; until then the account is inactive.' }),
  })
  .meta({ id: 'InviteRequest' });

const editRequest = z.strictObject(details).partial().meta({ id: 'EditUserRequest' });

type Item = z.infer<typeof userItem>;

@ApiTags('users')
@ApiBearerAuth()
@Controller('api/v1/users')
@UseGuards(PortalSessionGuard)
@RequirePermission('can_add_users')
export class PortalUserController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  @ApiOperation({
    summary: 'Invites a portal user by e-mail, with a link to set a password that is valid for 24 hours.',
  })
  @Post()
  @ApiResponse({ status: 201, standardSchema: userItem })
  @ApiResponse({ status: 400, standardSchema: problem })
  @ApiResponse({ status: 403, standardSchema: problem })
  @ApiResponse({ status: 409, standardSchema: problem, description: 'portal-user.email-taken' })
  @ApiResponse({ status: 503, standardSchema: problem, description: 'mail.not-configured' })
  async invite(
    @Body({ schema: inviteRequest }) body: z.infer<typeof inviteRequest>,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Item> {
    const { first_name: firstName, last_name: lastName, email, role_id: roleId, status: becomes } = body;
    const person = { firstName, lastName, email, roleId, becomes };
    const { id, position } = await this.commands.execute(new InvitePortalUser(person, caller));
    return this.item(id, position, caller, reply);
  }

  @ApiOperation({
    summary: 'Mails a fresh link to somebody who has no password; the older link is void.',
    description: LOST_PERSON,
  })
  @Post(':id/resend-invite')
  @ApiBody({ required: false })
  @HttpCode(200)
  @ApiResponse({ status: 200, standardSchema: userItem })
  @ApiResponse({ status: 400, standardSchema: problem, description: 'request.invalid, portal-user.address-lost' })
  @ApiResponse({ status: 403, standardSchema: problem })
  @ApiResponse({ status: 404, standardSchema: problem, description: 'user.unknown' })
  @ApiResponse({
    status: 409,
    standardSchema: problem,
    description:
      'portal-user.already-registered, portal-user.address-known, portal-user.email-taken, portal-user.is-owner: only the platform operator gives an address to an owner.',
  })
  @ApiResponse({ status: 503, standardSchema: problem, description: 'mail.not-configured' })
  async resendInvite(
    @Param('id') id: string,
    @Body({ schema: lostPerson }) body: LostPerson,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Item> {
    const user = userId(id);
    return this.item(user, await this.commands.execute(new InviteAgain(user, personIn(body), caller)), caller, reply);
  }

  /** What is not named stays. Somebody invited who gets another address is mailed a fresh link there, and the older link is void. */
  @ApiOperation({ summary: 'Changes name, e-mail address or role of a portal user, or the role of an API user.' })
  @Patch(':id')
  @ApiResponse({ status: 200, standardSchema: userItem })
  @ApiResponse({ status: 400, standardSchema: problem })
  @ApiResponse({ status: 403, standardSchema: problem })
  @ApiResponse({ status: 404, standardSchema: problem, description: 'user.unknown' })
  @ApiResponse({
    status: 409,
    standardSchema: problem,
    description: 'portal-user.is-owner, portal-user.email-taken, api-user.role-only',
  })
  async edit(
    @Param('id') id: string,
    @Body({ schema: editRequest }) body: z.infer<typeof editRequest>,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Item> {
    const user = await this.queries.execute(new FindUser(userId(id), caller));
    const { first_name: firstName, last_name: lastName, email, role_id: roleId } = body;
    const changes = { firstName, lastName, email, roleId };
    const position =
      user.type === 'api'
        ? await this.editApiUser(user.id, changes, caller)
        : await this.commands.execute(new EditPortalUser(user.id, changes, caller));
    return this.item(user.id, position, caller, reply);
  }

  private async editApiUser(id: string, { roleId, ...details }: PortalUserChanges, caller: Caller): Promise<number> {
    assertMayManageApiUsers(caller);
    const given = Object.values(details).some((detail) => detail !== undefined);
    if (given || roleId === undefined)
      throw new Refused('api-user.role-only', 'Of an API user only the role can be changed.');
    return this.commands.execute(new ChangeApiUserRole(id, roleId, caller));
  }

  @ApiOperation({ summary: 'Deletes a portal user: sessions end, name and address are forgotten, the log stays.' })
  @Delete(':id')
  @HttpCode(204)
  @ApiResponse({ status: 204, description: 'Deleted.' })
  @ApiResponse({ status: 403, standardSchema: problem })
  @ApiResponse({ status: 404, standardSchema: problem, description: 'user.unknown' })
  @ApiResponse({
    status: 409,
    standardSchema: problem,
    description: 'portal-user.is-owner, portal-user.is-yourself, api-user.not-deletable',
  })
  async delete(
    @Param('id') id: string,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const user = await this.queries.execute(new FindUser(userId(id), caller));
    if (user.type === 'api') {
      throw new Refused(
        'api-user.not-deletable',
        'An API user is deactivated and never deleted: its calls stay in the log.',
      );
    }
    void reply.header('position', String(await this.commands.execute(new DeletePortalUser(user.id, caller))));
  }

  private async item(id: string, position: number, caller: Caller, reply: FastifyReply): Promise<Item> {
    void reply.header('position', String(position));
    return userOf(await this.queries.execute(new FindUser(id, caller)));
  }
}

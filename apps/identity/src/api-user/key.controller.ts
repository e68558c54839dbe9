import { Body, Controller, Delete, Get, HttpCode, Param, Post, Res, UseGuards } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { OwnerOnly } from '@rebelcore/api-access/permissions';
import { clientKey } from '@rebelcore/contracts/client-key';
import { problem } from '@rebelcore/contracts/problem';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { CurrentCaller, type Caller } from '../access/caller.js';
import { PortalSessionGuard } from '../access/portal-session.guard.js';
import { enforcedAtField, userId } from '../user/user-item.js';
import { AddApiUserKey, KeysOfApiUser, RemoveApiUserKey, type RegisteredKey } from './key.commands.js';
import { publicKey } from './public-key.js';

const addRequest = z.strictObject({ public_key: publicKey }).meta({ id: 'AddKeyRequest' });

const keyItem = z
  .object({
    kid: z.string().meta({ description: 'The thumbprint of the key (RFC 7638).' }),
    alg: clientKey.shape.alg.meta({ description: 'What its signatures are made with.' }),
    public_key: clientKey.shape.jwk.meta({ description: 'As a JWK (RFC 7517).' }),
    added_at: z.iso.datetime(),
  })
  .meta({ id: 'ApiUserKey' });
const addResponse = keyItem.extend({ enforced_at: enforcedAtField }).meta({ id: 'AddKeyResponse' });
const unconfirmed = z.object({ enforced_at: z.null() }).meta({ id: 'Unconfirmed' });
const keyList = z
  .object({ items: z.array(keyItem), next_cursor: z.null(), as_of: z.iso.datetime() })
  .meta({ id: 'ApiUserKeys' });

/** The public keys by which an API user may authenticate at `/oauth2/token` (`private_key_jwt`). */
@ApiTags('API users')
@ApiBearerAuth()
@UseGuards(PortalSessionGuard)
@OwnerOnly()
@Controller('api/v1/api-users/:id/keys')
export class KeyController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  @ApiOperation({ summary: 'The public keys by which an API user may authenticate, oldest first; two at most.' })
  @Get()
  @ApiResponse({ status: 200, standardSchema: keyList })
  @ApiResponse({ status: 403, standardSchema: problem })
  @ApiResponse({ status: 404, standardSchema: problem, description: 'user.unknown' })
  async list(@Param('id') id: string, @CurrentCaller() caller: Caller): Promise<z.infer<typeof keyList>> {
    const asOf = new Date().toISOString();
    const keys = await this.queries.execute(new KeysOfApiUser(userId(id), caller));
    return { items: keys.map(itemOf), next_cursor: null, as_of: asOf };
  }

  @ApiOperation({
    summary: 'Registers a public key; 201 means that its signatures count, 202 that this is not confirmed yet.',
  })
  @Post()
  @ApiResponse({ status: 201, standardSchema: addResponse, description: 'In force.' })
  @ApiResponse({ status: 202, standardSchema: addResponse, description: 'Not confirmed in 5 s.' })
  @ApiResponse({ status: 200, standardSchema: addResponse, description: 'In force, and was registered already.' })
  @ApiResponse({ status: 400, standardSchema: problem, description: 'The key is of no use: which rule it breaks.' })
  @ApiResponse({ status: 403, standardSchema: problem })
  @ApiResponse({ status: 404, standardSchema: problem, description: 'user.unknown' })
  @ApiResponse({ status: 409, standardSchema: problem, description: 'api-user.too-many-keys' })
  async add(
    @Param('id') id: string,
    @Body({ schema: addRequest }) { public_key: key }: z.infer<typeof addRequest>,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof addResponse>> {
    const apiUserId = userId(id);
    const { position, enforcedAt, added } = await this.commands.execute(new AddApiUserKey(apiUserId, key, caller));
    void reply.header('position', String(position)).status(enforcedAt === undefined ? 202 : added ? 201 : 200);
    const keys = await this.queries.execute(new KeysOfApiUser(apiUserId, caller));
    const registered = keys.find(({ kid }) => kid === key.kid) ?? { ...key, addedAt: new Date() };
    return { ...itemOf(registered), enforced_at: enforcedAt?.toISOString() ?? null };
  }

  @ApiOperation({
    summary:
      'Removes a public key; 204 means that its signatures count no more, 202 that this is not confirmed yet. Tokens that were issued by it live until they expire.',
  })
  @Delete(':kid')
  @HttpCode(204)
  @ApiResponse({ status: 204, description: 'In force.' })
  @ApiResponse({ status: 202, standardSchema: unconfirmed, description: 'Not confirmed in 5 s.' })
  @ApiResponse({ status: 403, standardSchema: problem })
  @ApiResponse({ status: 404, standardSchema: problem, description: 'user.unknown, api-user.key-unknown' })
  async remove(
    @Param('id') id: string,
    @Param('kid') kid: string,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.infer<typeof unconfirmed> | undefined> {
    const { position, enforcedAt } = await this.commands.execute(new RemoveApiUserKey(userId(id), kid, caller));
    void reply.header('position', String(position));
    if (enforcedAt !== undefined) return undefined;
    void reply.status(202);
    return { enforced_at: null };
  }
}

const itemOf = ({ kid, alg, jwk, addedAt }: RegisteredKey): z.infer<typeof keyItem> => ({
  kid,
  alg,
  public_key: jwk,
  added_at: addedAt.toISOString(),
});

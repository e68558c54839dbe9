import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { OwnerOnly } from '@rebelcore/api-access/permissions';
import { SessionGuard } from '@rebelcore/api-access/session.guard';
import { problem } from '@rebelcore/contracts/problem';
import { ViewFreshness } from '@rebelcore/messaging/project/freshness';
import { Bulkhead } from '@rebelcore/service/bulkhead';
import { pageParameters, wholeNumber } from '@rebelcore/service/cursor';
import { ProblemException } from '@rebelcore/service/problem';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { asOf, customerOf } from '../reader.js';
import {
  DEFAULT_UNUSED_DAYS,
  USAGE_FLAGS,
  UsageQuery,
  type UsageItem,
  type UsageOfOne,
  type UsagePage,
} from './usage.query.js';

const FLAGS_IN_WORDS =
  `unused: not used for \`unused_days\` days, 30 where they are not given. never_used: not once since it was
made. stopped_calling: used in at least ten different hours of the last 30 days, and silent now for a day and for three times
its longest pause among them. refused_from_new_place: the last refusal, in the last 30 days, came from an address from which no
call ever succeeded.`.replaceAll('\n', ' ');

const id = z.uuid({ error: 'must be a UUID' }).toLowerCase();
const usageOfMany = z.strictObject({
  ids: z.array(id).min(1, 'must hold 1 to 100 ids').max(100, 'must hold 1 to 100 ids'),
});
const { cursor, limit } = pageParameters;
const usageList = z.strictObject({
  flag: z
    .enum(USAGE_FLAGS, { error: `must be one of ${USAGE_FLAGS.join(', ')}` })
    .optional()
    .meta({ description: 'Only active API users that have this flag.' }),
  unused_days: wholeNumber(1, 3_650).default(DEFAULT_UNUSED_DAYS).meta({ description: 'For the flag `unused`.' }),
  cursor,
  limit,
});

const moment = z.iso.datetime();
const counts = { calls: z.int(), refused: z.int() };
const item = {
  id: z.uuid(),
  last_used_at: moment.nullable().meta({ description: 'The last call that succeeded, /authorize among them.' }),
  last_used_ip: z.string().nullable(),
  last_refused_at: moment.nullable(),
  calls_30d: z.int().meta({ description: 'Calls that succeeded. What failed on our side counts nowhere.' }),
  refused_30d: z.int(),
  live_tokens: z.int().meta({
    description:
      'Tokens that were issued and have not expired; up to a minute after its expiry one may still be counted.',
  }),
  last_expiry: moment.nullable().meta({ description: 'When the last of them expires.' }),
  flags: z.array(z.enum(USAGE_FLAGS)).meta({ description: FLAGS_IN_WORDS }),
};
const as_of = moment.nullable().meta({ description: 'As in the activity log.' });
const itemResponse = z.object(item).meta({ id: 'UsageItem' });
const oneResponse = z
  .object({
    ...item,
    last_used_agent: z.string().nullable(),
    last_refused_ip: z.string().nullable(),
    last_refused_reason: z.string().nullable().meta({ description: 'A dotted code: api-user.wrong-password.' }),
    hours: z
      .array(z.object({ at: moment, ...counts }))
      .meta({ description: '30 days, oldest first; only hours in which something happened.' }),
    callers: z
      .array(z.object({ ip: z.string(), user_agent: z.string(), first_at: moment, last_at: moment, ...counts }))
      .meta({
        description: '20 at most: those with calls, newest first, then those only refused in the last 30 days.',
      }),
    as_of,
  })
  .meta({ id: 'Usage' });
const manyResponse = z.object({ items: z.array(itemResponse), as_of }).meta({ id: 'UsageOfMany' });
const pageResponse = z
  .object({ items: z.array(itemResponse), next_cursor: z.string().nullable(), as_of })
  .meta({ id: 'UsagePage' });

type AsOf = Readonly<Record<'as_of', Date | null>>;

/** How API users are used, made of the activity log alone. */
@ApiTags('usage')
@ApiBearerAuth()
@ApiResponse({ status: 400, standardSchema: problem })
@ApiResponse({ status: 401, standardSchema: problem })
@ApiResponse({ status: 403, standardSchema: problem })
@Controller('api/v1/api-users')
@UseGuards(SessionGuard)
@OwnerOnly()
export class UsageController {
  constructor(
    private readonly usage: UsageQuery,
    private readonly freshness: ViewFreshness,
    private readonly lists: Bulkhead,
  ) {}

  @Get('usage')
  @ApiOperation({ summary: 'The usage of all API users, or of those that a flag marks', description: FLAGS_IN_WORDS })
  @ApiResponse({ status: 200, standardSchema: pageResponse })
  @ApiResponse({ status: 429, standardSchema: problem, description: 'request.crowded' })
  async list(
    @Req() request: FastifyRequest,
    @Query({ schema: usageList }) query: z.infer<typeof usageList>,
  ): Promise<UsagePage & AsOf> {
    const customerId = customerOf(request);
    const { cursor, limit, ...filter } = query;
    return this.lists.run(customerId, async () => {
      const as_of = asOf(this.freshness, customerId);
      return { ...(await this.usage.page(customerId, filter, cursor, limit)), as_of };
    });
  }

  /** Ids that are not of this customer, or of no API user, are absent from the answer. */
  @Post('usage')
  @HttpCode(200)
  @ApiOperation({ summary: 'The usage of these API users' })
  @ApiResponse({ status: 200, standardSchema: manyResponse })
  @ApiResponse({ status: 429, standardSchema: problem, description: 'request.crowded' })
  async many(
    @Req() request: FastifyRequest,
    @Body({ schema: usageOfMany }) { ids }: z.infer<typeof usageOfMany>,
  ): Promise<{ items: readonly UsageItem[] } & AsOf> {
    const customerId = customerOf(request);
    return this.lists.run(customerId, async () => {
      const as_of = asOf(this.freshness, customerId);
      return { items: await this.usage.ofMany(customerId, ids), as_of };
    });
  }

  @Get(':id/usage')
  @ApiOperation({ summary: 'The usage of one API user' })
  @ApiResponse({ status: 200, standardSchema: oneResponse })
  @ApiResponse({ status: 404, standardSchema: problem, description: 'api-user.unknown' })
  async one(
    @Req() request: FastifyRequest,
    @Param('id', { schema: id }) apiUserId: string,
  ): Promise<UsageOfOne & AsOf> {
    const customerId = customerOf(request);
    const as_of = asOf(this.freshness, customerId);
    const usage = await this.usage.ofOne(customerId, apiUserId);
    if (usage === undefined) throw new ProblemException(404, 'api-user.unknown', 'There is no such API user.');
    return { ...usage, as_of };
  }
}

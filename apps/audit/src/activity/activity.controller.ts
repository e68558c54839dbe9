import { Controller, Get, Param, Query, Req, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RequirePermission } from '@rebelcore/api-access/permissions';
import { SessionGuard } from '@rebelcore/api-access/session.guard';
import { problem } from '@rebelcore/contracts/problem';
import { ViewFreshness } from '@rebelcore/messaging/project/freshness';
import { Projection } from '@rebelcore/messaging/project/projection';
import { Bulkhead } from '@rebelcore/service/bulkhead';
import { pageParameters, unknownPosition } from '@rebelcore/service/cursor';
import { ProblemException } from '@rebelcore/service/problem';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { asOf, customerOf } from '../reader.js';
import { activityFilter, BACKWARDS, isForwards } from './activity-filter.js';
import { ActivityQuery, type ActivityItem, type ActivityPage } from './activity.query.js';
import { EVENT_TYPES, OUTCOMES } from './entry.js';

/** What the list of entries takes; all of it is optional. */
const activityQuery = z.strictObject({ ...activityFilter, ...pageParameters }).refine(isForwards, BACKWARDS);
const entryId = z.uuid({ error: 'must be a UUID' }).toLowerCase();

const entryResponse = z
  .object({
    id: z.uuid(),
    customer_id: z.uuid(),
    user_id: z.uuid().nullable().meta({ description: 'The user that the entry is about.' }),
    event_type: z.enum(EVENT_TYPES),
    occurred_at: z.iso.datetime(),
    outcome: z.enum(OUTCOMES),
    description: z.string(),
    metadata: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    correlation_id: z.string(),
  })
  .meta({ id: 'ActivityEntry' });
const pageResponse = z
  .object({
    items: z.array(entryResponse),
    next_cursor: z.string().nullable(),
    as_of: z.iso.datetime().nullable(),
  })
  .meta({ id: 'ActivityPage' });

const POSITION_WAIT_MS = 5_000;
const RECENT_MS = 10_000;

/** The activity log of the caller's own customer. An API user's token opens none of it. */
@ApiTags('activity')
@ApiBearerAuth()
@ApiResponse({ status: 401, standardSchema: problem })
@ApiResponse({ status: 403, standardSchema: problem })
@Controller('api/v1/activity')
@UseGuards(SessionGuard)
@RequirePermission('can_view_activity')
export class ActivityController {
  constructor(
    private readonly activity: ActivityQuery,
    private readonly projection: Projection,
    private readonly freshness: ViewFreshness,
    private readonly lists: Bulkhead,
  ) {}

  /** `as_of`: every change of the customer's users committed before it is in the log; null while that is not known. */
  @Get()
  @ApiOperation({ summary: 'The entries that match, newest first' })
  @ApiResponse({ status: 200, standardSchema: pageResponse })
  @ApiResponse({ status: 400, standardSchema: problem })
  @ApiResponse({ status: 429, standardSchema: problem, description: 'activity.crowded, request.crowded' })
  @ApiResponse({ status: 503, standardSchema: problem, description: 'activity.behind' })
  async list(
    @Req() request: FastifyRequest,
    @Query({ schema: activityQuery }) query: z.infer<typeof activityQuery>,
  ): Promise<ActivityPage & { as_of: Date | null }> {
    const { cursor, limit, position, ...filter } = query;
    const customerId = customerOf(request);
    await this.mustHaveReached(customerId, position);
    return this.lists.run(customerId, async () => {
      const as_of = asOf(this.freshness, customerId);
      return { ...(await this.activity.page(customerId, filter, cursor, limit)), as_of };
    });
  }

  @Get(':id')
  @ApiOperation({ summary: 'One entry' })
  @ApiResponse({ status: 200, standardSchema: entryResponse })
  @ApiResponse({ status: 404, standardSchema: problem, description: 'activity.unknown' })
  async one(@Req() request: FastifyRequest, @Param('id', { schema: entryId }) id: string): Promise<ActivityItem> {
    const entry = await this.activity.byId(customerOf(request), id);
    if (entry === undefined) throw new ProblemException(404, 'activity.unknown', 'There is no such entry.');
    return entry;
  }

  private async mustHaveReached(customerId: string, position: number): Promise<void> {
    if (position === 0) return;
    const waited = await this.projection.whenSequence('identity.events.v1', customerId, position, POSITION_WAIT_MS);
    if (waited === 'reached') return;
    if (waited === 'crowded') {
      const detail = 'Too many of your requests are waiting for the log; please try again.';
      throw new ProblemException(429, 'activity.crowded', detail, { retryAfter: 1 });
    }
    // What was written until lately is all there, so this was never handed out.
    if (waited === 'far' && this.isRecent(customerId)) throw unknownPosition();
    const detail = `The log has not reached position ${position} yet; please try again.`;
    throw new ProblemException(503, 'activity.behind', detail, { retryAfter: 1 });
  }

  private isRecent(customerId: string): boolean {
    const at = asOf(this.freshness, customerId);
    return at !== null && Date.now() - at.getTime() < RECENT_MS;
  }
}

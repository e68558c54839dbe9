import { Controller, Get, Query, Req, Res, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RequirePermission } from '@rebelcore/api-access/permissions';
import { SessionGuard } from '@rebelcore/api-access/session.guard';
import { problem } from '@rebelcore/contracts/problem';
import { Bulkhead } from '@rebelcore/service/bulkhead';
import { ProblemException } from '@rebelcore/service/problem';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { activityFilter, BACKWARDS, isForwards, type ActivityFilter } from '../activity/activity-filter.js';
import { customerOf } from '../reader.js';
import { ActivityQuery } from '../activity/activity.query.js';
import { EXPORT_FORMATS, type ExportFormat } from './export-format.js';

const exportQuery = z
  .strictObject({ ...activityFilter, format: z.enum(['csv', 'ndjson'], { error: 'must be csv or ndjson' }) })
  .refine(isForwards, BACKWARDS);

/** Entries read at once; a file is never held in memory as a whole. */
const PAGE_SIZE = 1_000;
/** Exports of one customer at once: each reads the whole log. */
const OF_A_CUSTOMER = 4;

/** The log as a file, for whoever may read it. The export is itself an entry. */
@ApiTags('activity')
@ApiBearerAuth()
@Controller('api/v1/activity/export')
@UseGuards(SessionGuard)
@RequirePermission('can_view_activity')
export class ExportController {
  private readonly underWay = new Bulkhead({ atOnce: OF_A_CUSTOMER });

  constructor(private readonly activity: ActivityQuery) {}

  @Get()
  @ApiOperation({ summary: 'Every entry that matches, newest first, as a file' })
  @ApiResponse({
    status: 200,
    description: 'Ends early, without its last chunk, when it cannot be read to its end.',
    content: Object.fromEntries(
      Object.values(EXPORT_FORMATS).map(({ mediaType }) => [mediaType, { schema: { type: 'string' } }]),
    ),
  })
  @ApiResponse({ status: 400, standardSchema: problem })
  @ApiResponse({ status: 401, standardSchema: problem })
  @ApiResponse({ status: 403, standardSchema: problem })
  @ApiResponse({ status: 429, standardSchema: problem, description: 'activity.too-many-exports' })
  async export(
    @Req() request: FastifyRequest,
    @Query({ schema: exportQuery }) { format, ...filter }: z.infer<typeof exportQuery>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const name = `activity-${new Date().toISOString().slice(0, 10)}.${format}`;
    // Fastify reads a file to its end for HEAD too, though nobody is sent it.
    const file = request.method === 'HEAD' ? Readable.from([]) : this.begin(customerOf(request), filter, format);
    // Also where the reader has gone before anything was sent.
    reply.raw.once('close', () => file.destroy());
    // A failure from here on is an answer that is cut off: it has been recorded, and could not be told from another call.
    await Promise.race([once(file, 'readable'), once(file, 'close')]);
    await reply
      .type(EXPORT_FORMATS[format].mediaType)
      .header('content-disposition', `attachment; filename="${name}"`)
      .send(file);
  }

  private begin(customerId: string, filter: ActivityFilter, format: keyof typeof EXPORT_FORMATS): Readable {
    const leave = this.underWay.tryEnter(customerId);
    if (leave === undefined) throw tooManyExports();
    const file = Readable.from(this.lines(customerId, filter, EXPORT_FORMATS[format]), { objectMode: false });
    // Once its last query is done, though the reader has hung up long before.
    return file.once('close', leave);
  }

  private async *lines(customerId: string, filter: ActivityFilter, format: ExportFormat): AsyncGenerator<string> {
    let head = format.head;
    let cursor: string | undefined;
    do {
      const page = await this.activity.page(customerId, filter, cursor, PAGE_SIZE);
      yield head + page.items.map((entry) => format.line(entry)).join('');
      head = '';
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined);
  }
}

function tooManyExports(): ProblemException {
  const detail = 'There are too many exports of this log at the moment; please try again.';
  return new ProblemException(429, 'activity.too-many-exports', detail, { retryAfter: 5 });
}

import { Controller, Get, Query, Req, Res, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RequirePermission } from '@rebelcore/api-access/permissions';
import { SessionGuard } from '@rebelcore/api-access/session.guard';
import { problem } from '@rebelcore/contracts/problem';
import type { FastifyReply, FastifyRequest } from 'fastify';
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

/** The log as a file, for whoever may read it. The export is itself an entry. */
@ApiTags('activity')
@ApiBearerAuth()
@Controller('api/v1/activity/export')
@UseGuards(SessionGuard)
@RequirePermission('can_view_activity')
export class ExportController {
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
  async export(
    @Req() request: FastifyRequest,
    @Query({ schema: exportQuery }) { format, ...filter }: z.infer<typeof exportQuery>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const name = `activity-${new Date().toISOString().slice(0, 10)}.${format}`;
    const lines = this.lines(customerOf(request), filter, EXPORT_FORMATS[format]);
    await reply
      .type(EXPORT_FORMATS[format].mediaType)
      .header('content-disposition', `attachment; filename="${name}"`)
      .send(Readable.from(lines, { objectMode: false }));
  }

  private async *lines(customerId: string, filter: ActivityFilter, format: ExportFormat): AsyncGenerator<string> {
    if (format.head !== '') yield format.head;
    let cursor: string | undefined;
    do {
      const page = await this.activity.page(customerId, filter, cursor, PAGE_SIZE);
      if (page.items.length > 0) yield page.items.map((entry) => format.line(entry)).join('');
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined);
  }
}

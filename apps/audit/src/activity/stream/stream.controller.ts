import { Controller, Get, Headers, Query, Req, Res, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RequirePermission } from '@rebelcore/api-access/permissions';
import { SessionGuard } from '@rebelcore/api-access/session.guard';
import { problem } from '@rebelcore/contracts/problem';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { readerOf } from '../../reader.js';
import { activityFilter, BACKWARDS, isForwards } from '../activity-filter.js';
import { ActivityStreams } from './activity-streams.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Of a stream that takes the place of one that has ended. */
    streamGoesOn?: boolean;
  }
}

const streamQuery = z.strictObject(activityFilter).refine(isForwards, BACKWARDS);

const DESCRIPTION =
  `Server-sent events: \`ready\` at once, then \`entry\` with each entry in the order of arrival, its data as
in the list; \`end\` when the token ends with which it was opened, which is within a minute. The id of every event is a place in
that order: sent as Last-Event-ID it has the next stream go on after it, with the same filters or others, and no entry is lost
or told twice. \`reset\` instead of \`ready\` says that the id is too old for that, or was told to somebody else: load the list anew.
Whoever loads the list after \`ready\` misses nothing. A comment comes every five seconds when nothing else does.`.replaceAll(
    '\n',
    ' ',
  );

/** The log as it grows. */
@ApiTags('activity')
@ApiBearerAuth()
@Controller('api/v1/activity/stream')
@UseGuards(SessionGuard)
@RequirePermission('can_view_activity')
export class StreamController {
  constructor(private readonly streams: ActivityStreams) {}

  @Get()
  @ApiOperation({ summary: 'Entries as they arrive', description: DESCRIPTION })
  @ApiHeader({ name: 'last-event-id', required: false, description: 'The id of the last event that was seen.' })
  @ApiResponse({
    status: 200,
    description: 'The stream.',
    content: { 'text/event-stream': { schema: { type: 'string' } } },
  })
  @ApiResponse({ status: 400, standardSchema: problem, description: 'request.invalid, cursor.invalid' })
  @ApiResponse({ status: 401, standardSchema: problem })
  @ApiResponse({ status: 403, standardSchema: problem })
  @ApiResponse({ status: 429, standardSchema: problem, description: 'activity.too-many-streams' })
  async stream(
    @Req() request: FastifyRequest,
    @Query({ schema: streamQuery }) filter: z.infer<typeof streamQuery>,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const reader = readerOf(request);
    const stream = await this.streams.open({ ...reader, filter, lastEventId });
    request.streamGoesOn = stream.options.goesOn;
    // Also where the reader has gone before anything was sent.
    reply.raw.once('close', () => stream.destroy());
    await reply
      .type('text/event-stream; charset=utf-8')
      .header('cache-control', 'no-store')
      .header('x-accel-buffering', 'no')
      .send(stream);
  }
}

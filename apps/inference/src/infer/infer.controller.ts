import { Body, Controller, ForbiddenException, HttpCode, Post, Req, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { ApiUserGuard } from '@rebelcore/api-access/api-user.guard';
import { RequirePermission } from '@rebelcore/api-access/permissions';
import { describeCall } from '@rebelcore/api-access/record-calls.plugin';
import { problem } from '@rebelcore/contracts/problem';
import { inferRequest, inferResponse } from '@rebelcore/contracts/published-api';
import { ProblemException } from '@rebelcore/service/problem';
import { limited } from '@rebelcore/service/text';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { SPECS_PER_CUSTOMER, SpecView } from '../specs/spec.view.js';

/** The published shape with bounds: what is not known yet is written down, so its size must not be the caller's choice. */
const boundedRequest = inferRequest.extend({ spec_ids: z.array(limited({ min: 1, max: 256 })).max(1_000) });

const REFUSED_SPECS = {
  foreign: ['spec.foreign', 'names a spec that is not yours'],
  'too-many': ['spec.too-many', `you may use ${String(SPECS_PER_CUSTOMER)} different specs`],
} as const;

@ApiTags('infer')
@ApiBearerAuth()
@Controller('api/v1/infer')
@UseGuards(ApiUserGuard)
export class InferController {
  constructor(private readonly specs: SpecView) {}

  /** The answer is a sample; the prompt is neither stored nor logged. */
  @Post()
  @HttpCode(200)
  @RequirePermission('can_use_agent')
  @ApiOperation({ summary: 'A sample downstream API: answers every prompt with the same sentence.' })
  @ApiResponse({ status: 200, standardSchema: inferResponse })
  @ApiResponse({
    status: 401,
    standardSchema: problem,
    description: '{"detail": "token expired"}, or an invalid token.',
  })
  @ApiResponse({
    status: 403,
    standardSchema: problem,
    description:
      'A spec belongs to another customer, or the customer has used 10 000 others, or the role of the API user does not have can_use_agent.',
  })
  async infer(
    @Body({ schema: boundedRequest }) body: z.infer<typeof boundedRequest>,
    @Req() request: FastifyRequest,
  ): Promise<z.infer<typeof inferResponse>> {
    if (request.apiUser === undefined) throw new ForbiddenException();
    const answer = await this.specs.mayUse(request.apiUser.customerId, body.spec_ids);
    if (answer !== 'yes') {
      const [code, rule] = REFUSED_SPECS[answer];
      describeCall(request, { reason: code });
      throw new ProblemException(403, code, `spec_ids: ${rule}`, { errors: [{ field: 'spec_ids', rule }] });
    }
    return {
      correlation_id: request.id,
      result: 'This is a sample answer: the call was authorized, recorded and would be served here.',
      exposure: 'none',
      spec_count: body.spec_ids.length,
    };
  }
}

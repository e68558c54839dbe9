import { Body, Controller, HttpCode, Post, Req } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { problem } from '@rebelcore/contracts/problem';
import { Bulkhead } from '@rebelcore/service/bulkhead';
import { contextOf } from '@rebelcore/service/correlation';
import { ProblemException } from '@rebelcore/service/problem';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ReportLeak } from './leak.commands.js';

const MOST = 100;
const secret = z.string().min(1).max(1_000);
const found = z
  .array(z.looseObject({ token: secret }))
  .min(1)
  .max(MOST);

const leakReport = z
  .union([
    z.strictObject({ secret }),
    z.strictObject({ secrets: z.array(secret).min(1).max(MOST) }),
    found.meta({ description: 'As GitHub’s secret scanning reports to its partners; the other members are not read.' }),
  ])
  .meta({ id: 'LeakReport' });

const secretsIn = (report: z.infer<typeof leakReport>): readonly string[] => {
  if (Array.isArray(report)) return report.map(({ token }) => token);
  return 'secret' in report ? [report.secret] : report.secrets;
};

@ApiTags('API users')
@Controller('api/v1/credentials')
export class LeakController {
  /** Of everybody: whoever reports need not say who it is. */
  private readonly reports = new Bulkhead({ atOnce: 2, waitMs: 2_000 }, tooManyReports);

  constructor(private readonly commands: CommandBus) {}

  /** For anybody: whoever knows the password of an API user does no harm by having it switched off. */
  @ApiOperation({
    summary: 'Reports passwords that were found in the open; the API users they belong to are switched off for good.',
  })
  @Post('report-leak')
  @HttpCode(202)
  @ApiResponse({ status: 202, description: 'The same whatever the passwords open.' })
  @ApiResponse({ status: 400, standardSchema: problem, description: 'The body is no report.' })
  async report(
    @Body({ schema: leakReport }) body: z.infer<typeof leakReport>,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    const command = new ReportLeak(secretsIn(body), contextOf(request));
    await this.reports.run('', () => this.commands.execute(command));
  }
}

function tooManyReports(): ProblemException {
  const detail = 'There are too many reports at the moment; please try again.';
  return new ProblemException(503, 'service.overloaded', detail, { retryAfter: 1 });
}

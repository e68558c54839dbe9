import { Controller, Get, HttpCode, Inject, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { messageOf } from '@rebelcore/messaging/logger';
import { sharedRun } from './shared-run.js';

/** One thing a service needs, or a figure an operator wants to see, such as the lag of a consumer. */
export interface HealthCheck {
  readonly name: string;
  /**
   * Resolves with figures to show. `ready: false` takes this process out of rotation, so it says that it cannot do its work itself:
   * what another process keeps it from would take out all at once. Rejecting counts as not ready.
   */
  check(): Promise<HealthDetail> | HealthDetail;
}
export interface HealthDetail {
  readonly ready: boolean;
  readonly [figure: string]: unknown;
}

/** Provide an array of {@link HealthCheck} under this token in the service's module. */
export const HEALTH_CHECKS = Symbol('HEALTH_CHECKS');
const CHECK_TIMEOUT_MS = 2_000;

@ApiExcludeController()
@Controller('health')
export class HealthController {
  private readonly outcomes = sharedRun(() =>
    Promise.all(this.checks.map(async (check) => [check.name, await outcome(check)] as const)),
  );

  constructor(@Inject(HEALTH_CHECKS) private readonly checks: readonly HealthCheck[]) {}

  /** The process answers. Nothing else is asked, so that a restart is never caused by something a restart cannot cure. */
  @Get('live')
  @HttpCode(200)
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** 200 when every check is ready, else 503 with the same body: `{status, checks: {name: {ready, …}}}`. */
  @Get('ready')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<unknown> {
    const entries = await this.outcomes();
    const ready = entries.every(([, detail]) => detail.ready);
    void reply.status(ready ? 200 : 503);
    return { status: ready ? 'ok' : 'unavailable', checks: Object.fromEntries(entries) };
  }
}

async function outcome(check: HealthCheck): Promise<HealthDetail> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<HealthDetail>((resolve) => {
    timer = setTimeout(() => {
      resolve({ ready: false, error: `no answer in ${String(CHECK_TIMEOUT_MS)} ms` });
    }, CHECK_TIMEOUT_MS);
  });
  try {
    return await Promise.race([Promise.resolve(check.check()), deadline]);
  } catch (error) {
    return { ready: false, error: messageOf(error) };
  } finally {
    clearTimeout(timer);
  }
}

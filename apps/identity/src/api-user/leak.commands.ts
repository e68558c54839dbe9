import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { isApiUserPassword } from '@rebelcore/credentials/api-user-password';
import { lookupKeys } from '@rebelcore/credentials/verifier';
import { EventStore } from '@rebelcore/event-store/event-store';
import type { RequestContext } from '@rebelcore/service/correlation';
import { passwordName, PepperSource } from './api-user.commands.js';
import { apiUser, reportLeak } from './api-user.js';

/**
 * Passwords that somebody has found in the open, and that are therefore nobody's secret: their API users are switched off for good. What is
 * no password, or none of ours, is passed over; nothing tells the reporter which was.
 */
export class ReportLeak extends Command<void> {
  constructor(
    readonly secrets: readonly string[],
    readonly context: RequestContext,
  ) {
    super();
  }
}

@CommandHandler(ReportLeak)
export class ReportLeakHandler implements ICommandHandler<ReportLeak> {
  constructor(
    private readonly store: EventStore,
    private readonly peppers: PepperSource,
  ) {}

  async execute({ secrets, context }: ReportLeak): Promise<void> {
    for (const secret of new Set(secrets)) {
      // The others have no such name: they are from before there were any, or not from here.
      if (isApiUserPassword(secret)) await this.switchOff(secret, context);
    }
  }

  private async switchOff(secret: string, context: RequestContext): Promise<void> {
    for (const lookupKey of lookupKeys(this.peppers.peppers, secret)) {
      const { scope, key } = passwordName(lookupKey);
      const claimed = await this.store.claimedBy(scope, key);
      if (claimed === undefined) continue;
      const { streamId, customerId } = claimed;
      await this.store.transact(apiUser, streamId, reportLeak({ kind: 'anonymous' }), { ...context, customerId });
    }
  }
}

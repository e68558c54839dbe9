import { setImmediate } from 'node:timers/promises';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { isApiUserPassword, usernameOf } from '@rebelcore/credentials/api-user-password';
import { lookupKeys, possibleVerifiers } from '@rebelcore/credentials/verifier';
import { EventStore } from '@rebelcore/event-store/event-store';
import type { RequestContext } from '@rebelcore/service/correlation';
import { PepperSource } from './api-user.commands.js';
import { apiUser, reportLeak } from './api-user.js';
import { passwordName, PUT_BACK, putBackName } from './password-names.js';

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

interface Holder {
  readonly streamId: string;
  readonly customerId: string;
}

const TRIED_AT_ONCE = 1_000;

@CommandHandler(ReportLeak)
export class ReportLeakHandler implements ICommandHandler<ReportLeak> {
  constructor(
    private readonly store: EventStore,
    private readonly peppers: PepperSource,
  ) {}

  async execute({ secrets, context }: ReportLeak): Promise<void> {
    for (const secret of new Set(secrets)) {
      // The others have no such name: they are from before there were any, or not from here.
      if (!isApiUserPassword(secret)) continue;
      const holder = (await this.holderOf(secret)) ?? (await this.putBackHolderOf(secret));
      if (holder === undefined) continue;
      const { streamId, customerId } = holder;
      await this.store.transact(apiUser, streamId, reportLeak({ kind: 'anonymous' }), { ...context, customerId });
    }
  }

  private async holderOf(secret: string): Promise<Holder | undefined> {
    for (const lookupKey of lookupKeys(this.peppers.peppers, secret)) {
      const { scope, key } = passwordName(lookupKey);
      const holder = await this.store.claimedBy(scope, key);
      if (holder !== undefined) return holder;
    }
    return undefined;
  }

  /** A verifier covers the username as well, so that each of them has to be tried. */
  private async putBackHolderOf(secret: string): Promise<Holder | undefined> {
    for (const [n, holder] of (await this.store.claimsOf(PUT_BACK)).entries()) {
      // Others have their turn in between.
      if (n % TRIED_AT_ONCE === TRIED_AT_ONCE - 1) await setImmediate();
      const verifiers = possibleVerifiers(this.peppers.peppers, usernameOf(holder.streamId), secret);
      if (verifiers.some((verifier) => putBackName(verifier).key === holder.key)) return holder;
    }
    return undefined;
  }
}

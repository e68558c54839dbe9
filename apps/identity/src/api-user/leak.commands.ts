import { setImmediate } from 'node:timers/promises';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { isApiUserPassword, usernameOf } from '@rebelcore/credentials/api-user-password';
import { lookupKeys, possibleVerifiers } from '@rebelcore/credentials/verifier';
import { EventStore, type Claimed } from '@rebelcore/event-store/event-store';
import type { RequestContext } from '@rebelcore/service/correlation';
import { PepperSource } from './api-user.commands.js';
import { apiUser, reportLeak } from './api-user.js';
import { PASSWORD, PUT_BACK, putBackName } from './password-names.js';

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

const TRIED_AT_ONCE = 1_000;

@CommandHandler(ReportLeak)
export class ReportLeakHandler implements ICommandHandler<ReportLeak> {
  constructor(
    private readonly store: EventStore,
    private readonly peppers: PepperSource,
  ) {}

  /** What it costs to find that there is nothing to do hardly depends on how many they are, since anybody may ask. */
  async execute({ secrets, context }: ReportLeak): Promise<void> {
    // The others have no such name: they are from before there were any, or not from here.
    const passwords = [...new Set(secrets)].filter(isApiUserPassword);
    if (passwords.length === 0) return;
    for (const { streamId, customerId } of await this.holdersOf(passwords)) {
      await this.store.transact(apiUser, streamId, reportLeak({ kind: 'anonymous' }), { ...context, customerId });
    }
  }

  private async holdersOf(passwords: readonly string[]): Promise<readonly Claimed[]> {
    const byKey = new Map(
      passwords.flatMap((password) => lookupKeys(this.peppers.peppers, password).map((key) => [key, password])),
    );
    const named = await this.store.claimsOf(PASSWORD, [...byKey.keys()]);
    const found = new Set(named.map(({ key }) => byKey.get(key)));
    const others = passwords.filter((password) => !found.has(password));
    return others.length === 0 ? named : [...named, ...(await this.putBackHoldersOf(others))];
  }

  /** A verifier covers the username as well, so that each of them has to be tried. */
  private async putBackHoldersOf(passwords: readonly string[]): Promise<readonly Claimed[]> {
    const found: Claimed[] = [];
    let tried = 0;
    for (const holder of await this.store.claimsOf(PUT_BACK)) {
      for (const password of passwords) {
        tried += 1;
        // Others have their turn in between.
        if (tried % TRIED_AT_ONCE === 0) await setImmediate();
        const verifiers = possibleVerifiers(this.peppers.peppers, usernameOf(holder.streamId), password);
        if (verifiers.some((verifier) => putBackName(verifier).key === holder.key)) found.push(holder);
      }
    }
    return found;
  }
}

import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { Refused } from '@rebelcore/event-store/aggregate';
import type { Caller } from '../access/caller.js';
import { SessionStore, type SessionName } from './session.store.js';

/** Signs out, whoever it was. */
export class SignOut extends Command<void> {
  constructor(readonly session: SessionName) {
    super();
  }
}

@CommandHandler(SignOut)
export class SignOutHandler implements ICommandHandler<SignOut> {
  constructor(private readonly sessions: SessionStore) {}

  execute({ session }: SignOut): Promise<void> {
    return this.sessions.end(session);
  }
}

/** Ends one of the caller's sessions, on a device that was left or lost. */
export class EndSession extends Command<void> {
  constructor(
    readonly sessionId: string,
    readonly caller: Caller,
  ) {
    super();
  }
}

@CommandHandler(EndSession)
export class EndSessionHandler implements ICommandHandler<EndSession> {
  constructor(private readonly sessions: SessionStore) {}

  async execute({ sessionId, caller }: EndSession): Promise<void> {
    if (await this.sessions.endOwn(sessionId, caller)) return;
    throw new Refused('session.unknown', 'You have no session with this id.');
  }
}

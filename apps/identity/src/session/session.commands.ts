import { randomUUIDv7 as uuid } from 'node:crypto';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { entitiesWithinCustomer } from '@rebelcore/event-store/customer-scope';
import { EventStore } from '@rebelcore/event-store/event-store';
import type { RequestContext } from '@rebelcore/service/correlation';
import { DataSource } from 'typeorm';
import { passwordMatches } from '../passwords.js';
import { emailClaim } from '../portal-user/email.js';
import { Person } from '../portal-user/person.entity.js';
import { fail, signIn, succeed, type SignInAttempt } from './sign-in.js';
import { hashOf, newSessionToken, sessionEnd, SessionStore, type SessionName } from './session.store.js';
import type { SessionClaims } from './session-tokens.js';

const NIL = '00000000-0000-0000-0000-000000000000';
/** Looked up in place of an unknown address, so that it takes as long. */
const NO_HOLDER = { streamId: NIL, customerId: NIL };

export interface SignedIn {
  /** For the cookie; only its hash is kept. */
  readonly token: string;
  readonly session: SessionClaims;
  readonly position: number;
}

/** Whose password was wrong; undefined for an unknown address. For the record, not for the caller. */
export interface SignInRefused {
  readonly refused: SignInAttempt | undefined;
}

/** Costs the same for an unknown address and for a wrong password. */
export class SignIn extends Command<SignedIn | SignInRefused> {
  constructor(
    readonly email: string,
    readonly password: string,
    readonly context: RequestContext,
  ) {
    super();
  }
}

@CommandHandler(SignIn)
export class SignInHandler implements ICommandHandler<SignIn> {
  constructor(
    private readonly store: EventStore,
    private readonly sessions: SessionStore,
    private readonly dataSource: DataSource,
  ) {}

  async execute({ email, password, context }: SignIn): Promise<SignedIn | SignInRefused> {
    const { scope, key } = emailClaim(email);
    const holder = await this.store.claimedBy(scope, key);
    const { customerId, streamId: portalUserId } = holder ?? NO_HOLDER;
    const matches = await passwordMatches(await this.passwordHash(customerId, portalUserId), password);
    // An attempt by nobody belongs to no customer, so it leaves a call record and no event.
    if (holder === undefined) return { refused: undefined };

    const attempt = { portalUserId, customerId };
    const appendContext = { ...context, customerId };
    if (!matches) {
      await this.store.transact(signIn, uuid(), fail(attempt, 'wrong-password'), appendContext);
      return { refused: attempt };
    }
    const token = newSessionToken();
    const newSession = { sessionId: uuid(), tokenHash: hashOf(token), expiresAt: sessionEnd() };
    const { position } = await this.store.transact(signIn, uuid(), succeed(attempt, newSession), appendContext);
    const session = await this.sessions.alive({ token });
    if (session === undefined) throw new Error('a session that was just started is not alive');
    return { token, session, position };
  }

  private async passwordHash(customerId: string, portalUserId: string): Promise<string | undefined> {
    const person = await entitiesWithinCustomer(this.dataSource, customerId, (entities) =>
      entities.findOne(Person, { select: { passwordHash: true }, where: { customerId, portalUserId } }),
    );
    return person?.passwordHash ?? undefined;
  }
}

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

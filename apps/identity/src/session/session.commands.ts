import { randomUUIDv7 as uuid } from 'node:crypto';
import { Command, CommandHandler, type ICommandHandler, type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import { withinCustomer } from '@rebelcore/event-store/customer-scope';
import { EventStore } from '@rebelcore/event-store/event-store';
import type { RequestContext } from '@rebelcore/service/correlation';
import { Pool } from 'pg';
import type { Caller } from '../access/caller.js';
import { customer } from '../customer/customer.js';
import { passwordMatches } from '../passwords/portal-passwords.js';
import { emailClaim } from '../portal-user/email.js';
import { fail, signIn, succeed, type SignInAttempt } from './sign-in.js';
import { hashOf, newSessionToken, sessionEnd, SessionStore, type SessionName } from './session.store.js';
import { SessionTokens, type SessionClaims } from './session-tokens.js';

const NOBODY = { streamId: '00000000-0000-0000-0000-000000000000', customerId: '00000000-0000-0000-0000-000000000000' };

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
    private readonly pool: Pool,
  ) {}

  async execute({ email, password, context }: SignIn): Promise<SignedIn | SignInRefused> {
    const { scope, key } = emailClaim(email);
    const holder = await this.store.claimedBy(scope, key);
    const { customerId, streamId: portalUserId } = holder ?? NOBODY;
    const matches = await passwordMatches(await this.passwordHash(customerId, portalUserId), password);
    // Nobody's attempt belongs to no customer, so it leaves a call record alone.
    if (holder === undefined) return { refused: undefined };

    const attempt = { portalUserId, customerId };
    const where = { ...context, customerId };
    if (!matches) {
      await this.store.transact(signIn, uuid(), fail(attempt, 'wrong-password'), where);
      return { refused: attempt };
    }
    const token = newSessionToken();
    const opening = { sessionId: uuid(), tokenHash: hashOf(token), expiresAt: sessionEnd() };
    const { position } = await this.store.transact(signIn, uuid(), succeed(attempt, opening), where);
    const session = await this.sessions.alive({ token });
    if (session === undefined) throw new Error('a session that was just opened is not alive');
    return { token, session, position };
  }

  private async passwordHash(customerId: string, portalUserId: string): Promise<string | undefined> {
    const { rows } = await withinCustomer(this.pool, customerId, (tx) =>
      tx.query<{ password_hash: string }>({
        name: 'sign-in.password-hash',
        text: 'select password_hash from portal_user_private where customer_id = $1 and portal_user_id = $2',
        values: [customerId, portalUserId],
      }),
    );
    return rows[0]?.password_hash;
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

/** A session token for whoever holds the cookie; undefined when the session is over. `expiresAt` in Unix seconds. */
export class ExchangeSession extends Query<{ token: string; expiresAt: number } | undefined> {
  constructor(readonly session: SessionName) {
    super();
  }
}

@QueryHandler(ExchangeSession)
export class ExchangeSessionHandler implements IQueryHandler<ExchangeSession> {
  constructor(
    private readonly sessions: SessionStore,
    private readonly tokens: SessionTokens,
  ) {}

  async execute({ session }: ExchangeSession): Promise<{ token: string; expiresAt: number } | undefined> {
    const claims = await this.sessions.alive(session);
    return claims && this.tokens.issue(claims);
  }
}

export interface Me {
  readonly user: {
    readonly id: string;
    readonly email: string;
    readonly first_name: string;
    readonly last_name: string;
    readonly owner: boolean;
  };
  readonly customer: { readonly id: string; readonly name: string };
  readonly permissions: readonly string[];
}

/** Who am I, and what may I do? */
export class WhoAmI extends Query<Me> {
  constructor(readonly session: SessionClaims | Caller) {
    super();
  }
}

@QueryHandler(WhoAmI)
export class WhoAmIHandler implements IQueryHandler<WhoAmI> {
  constructor(
    private readonly store: EventStore,
    private readonly pool: Pool,
  ) {}

  async execute({ session }: WhoAmI): Promise<Me> {
    const { customerId, portalUserId, owner, permissions } = session;
    const [{ state }, person] = await Promise.all([
      this.store.load(customer, customerId, customerId),
      withinCustomer(this.pool, customerId, (tx) =>
        tx.query<Pick<Me['user'], 'email' | 'first_name' | 'last_name'>>(
          'select email, first_name, last_name from portal_user_private where customer_id = $1 and portal_user_id = $2',
          [customerId, portalUserId],
        ),
      ),
    ]);
    const { email = '', first_name = '', last_name = '' } = person.rows[0] ?? {};
    return {
      user: { id: portalUserId, email, first_name, last_name, owner },
      customer: { id: customerId, name: state.status === 'none' ? '' : state.name },
      permissions,
    };
  }
}

import { randomUUIDv7 as uuid } from 'node:crypto';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { entitiesWithinCustomer } from '@rebelcore/event-store/customer-scope';
import { EventStore } from '@rebelcore/event-store/event-store';
import type { RequestContext } from '@rebelcore/service/correlation';
import { FailureThrottle, type FailureLimits } from '@rebelcore/service/failure-throttle';
import { DataSource } from 'typeorm';
import { QueueFull } from '../passwords/fair-queue.js';
import { PortalPasswords } from '../passwords/portal-passwords.js';
import { emailClaim } from '../portal-user/email.js';
import { Person } from '../portal-user/person.entity.js';
import { portalUser } from '../portal-user/portal-user.js';
import { SecondFactors, type Code } from '../second-factor/second-factor.store.js';
import { hashOf, newSessionToken, sessionEnd, SessionStore, type Session } from './session.store.js';
import { afterPassword, signIn, succeed, type SignInAttempt, type SignInRefusal } from './sign-in.js';

/** Checking a password costs much, so that attempts are refused before it. */
export const SIGN_IN_LIMITS: FailureLimits = {
  nameAndSource: { burst: 10, refillMs: 60_000 },
  source: { burst: 100, refillMs: 6_000 },
  remembered: 50_000,
};

/** Seconds, after which those who wait for their password to be checked have had their turn. */
const BUSY_S = 2;

const NIL = '00000000-0000-0000-0000-000000000000';
/** Looked up in place of an unknown address, so that it takes as long. */
const NOBODY: SignInAttempt = { portalUserId: NIL, customerId: NIL };

/** What a person shows, and from where. */
export interface Credentials {
  readonly email: string;
  readonly password: string;
  readonly code: Code | undefined;
  readonly ip: string;
  readonly userAgent: string;
  /** For limits, see `networkOf`. */
  readonly source: string;
}

/** Whose account it is, as far as known, goes into the record and not to the caller. */
export type SignInOutcome =
  | {
      readonly result: 'opened';
      /** For the cookie; only its hash is kept. */
      readonly token: string;
      readonly session: Session;
      readonly position: number;
    }
  | { readonly result: 'refused'; readonly because: SignInRefusal; readonly who: SignInAttempt | undefined }
  | { readonly result: 'code-required'; readonly who: SignInAttempt }
  /** `retryAfter` in seconds. */
  | {
      readonly result: 'too-many-attempts' | 'busy';
      readonly retryAfter: number;
      readonly who: SignInAttempt | undefined;
    };

/** Costs the same for an unknown address, for a wrong password and for somebody who may not sign in. */
export class SignIn extends Command<SignInOutcome> {
  constructor(
    readonly credentials: Credentials,
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
    private readonly passwords: PortalPasswords,
    private readonly factors: SecondFactors,
    private readonly throttle: FailureThrottle,
  ) {}

  async execute({ credentials, context }: SignIn): Promise<SignInOutcome> {
    const { email, source } = credentials;
    const attempt = this.throttle.begin(emailClaim(email).key, source);
    if ('because' in attempt) {
      const { because, retryAfter } = attempt;
      const result = because === 'failures' ? 'too-many-attempts' : 'busy';
      return { result, retryAfter, who: await this.holderOf(email) };
    }
    let outcome: SignInOutcome | undefined;
    try {
      const holder = await this.holderOf(email);
      outcome = await this.decide(holder, credentials, context).catch((error: unknown) => {
        if (!(error instanceof QueueFull)) throw error;
        return { result: 'busy', retryAfter: BUSY_S, who: holder } as const;
      });
      return outcome;
    } finally {
      const result = outcome?.result;
      attempt.end(result === 'refused' ? 'failed' : result === 'opened' ? 'passed' : 'undecided');
    }
  }

  /** @throws {QueueFull} */
  private async decide(
    holder: SignInAttempt | undefined,
    credentials: Credentials,
    context: RequestContext,
  ): Promise<SignInOutcome> {
    const { password, code, source } = credentials;
    const who = holder ?? NOBODY;
    const passwordMatches = await this.passwords.matches(() => this.passwordHash(who), password, source);
    const { state } = await this.store.load(portalUser, who.portalUserId, who.customerId);
    const person = holder === undefined ? undefined : state;
    const next = afterPassword(person, { passwordMatches, codeSent: code !== undefined });
    switch (next) {
      case 'unknown-address':
      case 'wrong-password':
      case 'inactive':
        return { result: 'refused', because: next, who: holder };
      case 'ask-for-code':
        return { result: 'code-required', who };
      case 'open-for-enrolment':
        return this.open(who, undefined, credentials, context);
      case 'check-code':
        return code === undefined ? { result: 'code-required', who } : this.withCode(who, code, credentials, context);
    }
  }

  private async withCode(
    who: SignInAttempt,
    code: Code,
    credentials: Credentials,
    context: RequestContext,
  ): Promise<SignInOutcome> {
    const checked = await this.factors.check(who, code, new Date());
    if (checked === 'accepted') return this.open(who, code, credentials, context);
    if (typeof checked === 'object') return { result: 'too-many-attempts', retryAfter: checked.waitS, who };
    return { result: 'refused', because: checked === 'used' ? 'used-code' : 'wrong-code', who };
  }

  private async open(
    who: SignInAttempt,
    code: Code | undefined,
    { ip, userAgent }: Credentials,
    context: RequestContext,
  ): Promise<SignInOutcome> {
    const token = newSessionToken();
    const newSession = { sessionId: uuid(), tokenHash: hashOf(token), expiresAt: sessionEnd(), ip, userAgent };
    const used = code && ('totp' in code ? 'totp' : 'recovery-code');
    const appendContext = { ...context, customerId: who.customerId };
    const { position } = await this.store.transact(signIn, uuid(), succeed(who, used, newSession), appendContext);
    const session = await this.sessions.alive({ token }, { renews: false });
    // Deactivated between the password and the session.
    if (session === undefined) return { result: 'refused', because: 'inactive', who };
    return { result: 'opened', token, session, position };
  }

  private async holderOf(email: string): Promise<SignInAttempt | undefined> {
    const { scope, key } = emailClaim(email);
    const holder = await this.store.claimedBy(scope, key);
    return holder && { portalUserId: holder.streamId, customerId: holder.customerId };
  }

  private async passwordHash({ customerId, portalUserId }: SignInAttempt): Promise<string | undefined> {
    const person = await entitiesWithinCustomer(this.dataSource, customerId, (entities) =>
      entities.findOne(Person, { select: { passwordHash: true }, where: { customerId, portalUserId } }),
    );
    return person?.passwordHash ?? undefined;
  }
}

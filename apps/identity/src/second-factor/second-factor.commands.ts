import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { Actor } from '@rebelcore/contracts/identity-events';
import { open, seal } from '@rebelcore/credentials/sealing';
import { Refused } from '@rebelcore/event-store/aggregate';
import { entitiesWithinCustomer } from '@rebelcore/event-store/customer-scope';
import { EventStore } from '@rebelcore/event-store/event-store';
import { CONFIG } from '@rebelcore/service/config';
import type { RequestContext } from '@rebelcore/service/correlation';
import { DataSource } from 'typeorm';
import { appendContextOf, type Caller } from '../access/caller.js';
import { customer } from '../customer/customer.js';
import type { IdentityConfig } from '../identity.config.js';
import { Person } from '../portal-user/person.entity.js';
import { portalUser } from '../portal-user/portal-user.js';
import { hashOf, newSessionToken, SessionStore } from '../session/session.store.js';
import { newRecoveryCodes } from './recovery-codes.js';
import { assertNotEnrolled, enrol, renewRecoveryCodes, reset, type PortalUserId } from './second-factor.js';
import { secretOf, SecondFactors } from './second-factor.store.js';
import { base32, newTotpSecret, otpauthUri, stepOf } from './totp.js';

/** For the authenticator app; shown until it is confirmed. */
export interface NewSecret {
  /** base32 */
  readonly secret: string;
  readonly otpauthUri: string;
}

/** A new secret for the caller's authenticator app. It belongs to the session and is worth nothing until it is confirmed. */
export class BeginEnrolment extends Command<NewSecret> {
  constructor(readonly caller: Caller) {
    super();
  }
}

@CommandHandler(BeginEnrolment)
export class BeginEnrolmentHandler implements ICommandHandler<BeginEnrolment> {
  constructor(
    private readonly store: EventStore,
    private readonly sessions: SessionStore,
    private readonly dataSource: DataSource,
    @Inject(CONFIG) private readonly config: IdentityConfig,
  ) {}

  async execute({ caller }: BeginEnrolment): Promise<NewSecret> {
    const { customerId, portalUserId } = caller;
    assertNotEnrolled((await this.store.load(portalUser, portalUserId, customerId)).state);
    const person = await entitiesWithinCustomer(this.dataSource, customerId, (entities) =>
      entities.findOneBy(Person, { customerId, portalUserId }),
    );
    const secret = newTotpSecret();
    await this.sessions.keepPendingSecret(caller, seal(secret, this.config.KEY_ENCRYPTION_KEY, secretOf(caller)));
    return { secret: base32(secret), otpauthUri: otpauthUri(secret, person?.email ?? '') };
  }
}

/** Shown this once; only hashes are kept. */
export interface Enrolled {
  readonly recoveryCodes: readonly string[];
  /** For the cookie; the one before opens nothing any more. */
  readonly sessionToken: string;
  readonly position: number;
}

/** A code of the app shows that it has the secret; from here on it is the caller's second factor. */
export class ConfirmEnrolment extends Command<Enrolled> {
  constructor(
    readonly totp: string,
    readonly caller: Caller,
  ) {
    super();
  }
}

@CommandHandler(ConfirmEnrolment)
export class ConfirmEnrolmentHandler implements ICommandHandler<ConfirmEnrolment> {
  constructor(
    private readonly store: EventStore,
    private readonly sessions: SessionStore,
    private readonly factors: SecondFactors,
    @Inject(CONFIG) private readonly config: IdentityConfig,
  ) {}

  async execute({ totp, caller }: ConfirmEnrolment): Promise<Enrolled> {
    const { customerId, portalUserId, sessionId } = caller;
    assertNotEnrolled((await this.store.load(portalUser, portalUserId, customerId)).state);
    const sealedSecret = await this.sessions.pendingSecretOf(caller);
    if (sealedSecret === undefined) {
      throw new Refused('second-factor.not-begun', 'There is no secret to confirm; please begin again.');
    }
    const secret = open(sealedSecret, this.config.KEY_ENCRYPTION_KEY, secretOf(caller));
    const step = stepOf(secret, totp, Date.now());
    if (step === undefined) throw wrongCode();
    const recoveryCodes = newRecoveryCodes();
    const recoveryCodeHashes = recoveryCodes.map((code) => this.factors.recoveryHash(portalUserId, code));
    const sessionToken = newSessionToken();
    const sessionTokenHash = hashOf(sessionToken);
    const enrolment = { sealedSecret, step, recoveryCodeHashes, sessionId, sessionTokenHash };
    const decision = enrol({ portalUserId, customerId }, enrolment);
    const { position } = await this.store.transact(portalUser, portalUserId, decision, appendContextOf(caller));
    return { recoveryCodes, sessionToken, position };
  }
}

/** Shown this once; only hashes are kept. The position is the customer's. */
interface RenewedCodes {
  readonly recoveryCodes: readonly string[];
  readonly position: number;
}

/**
 * Ten other recovery codes. The session alone is not enough: somebody at a screen that was left open must not take the
 * account along.
 *
 * @throws {Refused} `second-factor.wrong-code`, `second-factor.used-code`
 */
export class RenewRecoveryCodes extends Command<RenewedCodes | { readonly waitS: number }> {
  constructor(
    readonly totp: string,
    readonly caller: Caller,
  ) {
    super();
  }
}

@CommandHandler(RenewRecoveryCodes)
export class RenewRecoveryCodesHandler implements ICommandHandler<RenewRecoveryCodes> {
  constructor(
    private readonly store: EventStore,
    private readonly factors: SecondFactors,
  ) {}

  async execute({ totp, caller }: RenewRecoveryCodes): Promise<RenewedCodes | { readonly waitS: number }> {
    const { customerId, portalUserId } = caller;
    const whose = { portalUserId, customerId };
    const checked = await this.factors.check(whose, { totp }, new Date());
    if (typeof checked === 'object') return checked;
    if (checked !== 'accepted') throw codeRefused(checked);
    const recoveryCodes = newRecoveryCodes();
    const hashes = recoveryCodes.map((code) => this.factors.recoveryHash(portalUserId, code));
    const decision = renewRecoveryCodes(whose, hashes);
    const { position } = await this.store.transact(portalUser, portalUserId, decision, appendContextOf(caller));
    return { recoveryCodes, position };
  }
}

const codeRefused = (verdict: 'used' | 'wrong'): Refused =>
  verdict === 'used'
    ? new Refused('second-factor.used-code', 'totp: was used already; the app shows another within 30 seconds')
    : wrongCode();

const wrongCode = () => new Refused('second-factor.wrong-code', 'totp: is not what the app shows now');

/** @returns the customer's position */
export class ResetSecondFactor extends Command<number> {
  constructor(
    readonly whose: PortalUserId,
    readonly actor: Actor,
    readonly context: RequestContext,
  ) {
    super();
  }
}

@CommandHandler(ResetSecondFactor)
export class ResetSecondFactorHandler implements ICommandHandler<ResetSecondFactor> {
  constructor(private readonly store: EventStore) {}

  async execute({ whose, actor, context }: ResetSecondFactor): Promise<number> {
    const { portalUserId, customerId } = whose;
    const appendContext = { ...context, customerId };
    return (await this.store.transact(portalUser, portalUserId, reset(whose, actor), appendContext)).position;
  }
}

/** For the operator, who knows a customer and not its people. */
export class ResetOwnersSecondFactor extends Command<number> {
  constructor(
    readonly customerId: string,
    readonly context: RequestContext,
  ) {
    super();
  }
}

@CommandHandler(ResetOwnersSecondFactor)
export class ResetOwnersSecondFactorHandler implements ICommandHandler<ResetOwnersSecondFactor> {
  constructor(private readonly store: EventStore) {}

  async execute({ customerId, context }: ResetOwnersSecondFactor): Promise<number> {
    const { state } = await this.store.load(customer, customerId, customerId);
    if (state.status === 'none') throw new Refused('customer.unknown', 'There is no customer with this id.');
    const whose = { portalUserId: state.ownerId, customerId };
    const decision = reset(whose, { kind: 'operator' });
    return (await this.store.transact(portalUser, state.ownerId, decision, { ...context, customerId })).position;
  }
}

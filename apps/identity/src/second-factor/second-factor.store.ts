import { withinCustomer } from '@rebelcore/event-store/customer-scope';
import { open } from '@rebelcore/credentials/sealing';
import type { Pool, PoolClient } from 'pg';
import type { Enrolment } from '../portal-user/portal-user.js';
import { endSessionsOf } from '../session/session.store.js';
import { recoveryCodeHash, recoveryCodeKey } from './recovery-codes.js';
import { judgeCode, waitBeforeCode, type CodeHistory, type CodeVerdict, type PortalUserId } from './second-factor.js';
import { stepOf } from './totp.js';

/** What somebody shows beside the password. */
export type Code = { readonly totp: string } | { readonly recoveryCode: string };
/** `waitS`: seconds until a code is looked at again. */
export type CodeChecked = CodeVerdict | { readonly waitS: number };

/** What a person's secret is bound to where it is sealed. */
export const secretOf = ({ portalUserId }: Pick<PortalUserId, 'portalUserId'>): string =>
  `second-factor:${portalUserId}`;

interface FactorRow {
  sealed_secret: Buffer;
  last_step: number;
  wrong_codes: number;
  last_wrong_at: Date | null;
}

/** Second factors as they are now: secrets, codes that were used, codes that were wrong. */
export class SecondFactors {
  private readonly recoveryKey: Buffer;

  constructor(
    private readonly pool: Pool,
    private readonly encryptionKey: Buffer,
  ) {
    this.recoveryKey = recoveryCodeKey(encryptionKey);
  }

  recoveryHash(portalUserId: string, code: string): Buffer {
    return recoveryCodeHash(this.recoveryKey, portalUserId, code);
  }

  /** Uses the code up: of several that come with the same one, one is accepted. */
  check(whose: PortalUserId, code: Code, now: Date): Promise<CodeChecked> {
    return withinCustomer(this.pool, whose.customerId, (tx) =>
      'totp' in code ? this.checkTotp(tx, whose, code.totp, now) : this.useRecoveryCode(tx, whose, code.recoveryCode),
    );
  }

  private async checkTotp(tx: PoolClient, whose: PortalUserId, code: string, now: Date): Promise<CodeChecked> {
    // The lock makes those who come at the same moment wait for what the first of them leaves behind.
    const { rows } = await tx.query<FactorRow>({
      name: 'second-factor.lock',
      text: `select sealed_secret, last_step, wrong_codes, last_wrong_at from second_factor
             where customer_id = $1 and portal_user_id = $2 for update`,
      values: [whose.customerId, whose.portalUserId],
    });
    const [row] = rows;
    if (row === undefined) return 'wrong';
    const history = historyOf(row);
    const waitS = waitBeforeCode(history, now);
    if (waitS > 0) return { waitS };
    const step = stepOf(open(row.sealed_secret, this.encryptionKey, secretOf(whose)), code, now.getTime());
    const verdict = judgeCode(history, step);
    if (verdict === 'accepted') await this.accept(tx, whose, step);
    else await this.countWrong(tx, whose, now);
    return verdict;
  }

  private async accept(tx: PoolClient, whose: PortalUserId, step: number | undefined): Promise<void> {
    await tx.query({
      name: 'second-factor.accept',
      text: `update second_factor set last_step = $3, wrong_codes = 0, last_wrong_at = null
             where customer_id = $1 and portal_user_id = $2`,
      values: [whose.customerId, whose.portalUserId, step],
    });
  }

  private async countWrong(tx: PoolClient, whose: PortalUserId, now: Date): Promise<void> {
    await tx.query({
      name: 'second-factor.count-wrong',
      text: `update second_factor set wrong_codes = wrong_codes + 1, last_wrong_at = $3
             where customer_id = $1 and portal_user_id = $2`,
      values: [whose.customerId, whose.portalUserId, now],
    });
  }

  private async useRecoveryCode(tx: PoolClient, whose: PortalUserId, code: string): Promise<CodeVerdict> {
    const { rowCount } = await tx.query({
      name: 'recovery-code.use',
      text: 'delete from recovery_code where customer_id = $1 and portal_user_id = $2 and code_hash = $3',
      values: [whose.customerId, whose.portalUserId, this.recoveryHash(whose.portalUserId, code)],
    });
    return rowCount === 1 ? 'accepted' : 'wrong';
  }
}

const historyOf = (row: FactorRow): CodeHistory => ({
  lastStep: row.last_step,
  wrongCodes: row.wrong_codes,
  lastWrongAt: row.last_wrong_at ?? undefined,
});

/**
 * In the transaction of the enrolment. The session that confirmed it becomes a full one, under a new token; those that were opened by the
 * password alone end, since nobody knows whose they are.
 */
export async function keepSecondFactor(tx: PoolClient, whose: PortalUserId, enrolment: Enrolment): Promise<void> {
  const { sealedSecret, step, recoveryCodeHashes, sessionId, sessionTokenHash } = enrolment;
  await tx.query({
    name: 'second-factor.keep',
    text: `with codes as (
             insert into recovery_code (customer_id, portal_user_id, code_hash) select $1, $2, unnest($5::bytea[])
           ), others as (
             delete from session where customer_id = $1 and portal_user_id = $2 and not second_factor and id <> $6
           ), own as (
             update session set second_factor = true, sealed_pending_secret = null, token_hash = $7
              where customer_id = $1 and id = $6
           )
           insert into second_factor (customer_id, portal_user_id, sealed_secret, last_step) values ($1, $2, $3, $4)`,
    values: [whose.customerId, whose.portalUserId, sealedSecret, step, recoveryCodeHashes, sessionId, sessionTokenHash],
  });
}

/** In the transaction of the event: the codes before open nothing from here on. */
export async function replaceRecoveryCodes(
  tx: PoolClient,
  { customerId, portalUserId }: PortalUserId,
  hashes: Enrolment['recoveryCodeHashes'],
): Promise<void> {
  await tx.query({
    name: 'recovery-code.replace',
    text: `with former as (
             delete from recovery_code where customer_id = $1 and portal_user_id = $2
           )
           insert into recovery_code (customer_id, portal_user_id, code_hash) select $1, $2, unnest($3::bytea[])`,
    values: [customerId, portalUserId, hashes],
  });
}

/** In the transaction of the event that takes it away. Ends the person's sessions. */
export async function forgetSecondFactor(tx: PoolClient, { customerId, portalUserId }: PortalUserId): Promise<void> {
  await tx.query({
    name: 'second-factor.forget',
    text: `with codes as (
             delete from recovery_code where customer_id = $1 and portal_user_id = $2
           )
           delete from second_factor where customer_id = $1 and portal_user_id = $2`,
    values: [customerId, portalUserId],
  });
  await endSessionsOf(tx, customerId, portalUserId);
}

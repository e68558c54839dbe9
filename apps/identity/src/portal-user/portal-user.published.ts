import { releaseClaim, type Recorded, type StreamPublication } from '@rebelcore/event-store/event-store';
import type { PoolClient } from 'pg';
import { identityEvent } from '../published-event.js';
import { requireCurrent, RoleOutdated } from '../role/roles.js';
import { forgetSecondFactor, keepSecondFactor, replaceRecoveryCodes } from '../second-factor/second-factor.store.js';
import { endSessionsOf } from '../session/session.store.js';
import { emailClaim } from './email.js';
import { inviteClaim } from './invitations.js';
import { portalUser, type Invitation, type PersonalData, type PortalUserEvent } from './portal-user.js';

/** What goes onto the topic of a portal user, and the tables that follow it in the transaction of its events. */
export const portalUserPublication: StreamPublication<PortalUserEvent> = {
  aggregate: portalUser,

  publish: (recording) => [identityEvent(recording, recording.event.data.portalUserId)],

  async project(tx, recorded): Promise<void> {
    const { event, sequence } = recorded;
    const { customerId, portalUserId } = event.data;
    const person = { customerId, portalUserId };
    switch (event.type) {
      case 'PortalUserInvited': {
        const { person: details, invitation } = event.confidential ?? {};
        if (event.data.resent !== true && event.data.role) await requireCurrent(tx, customerId, event.data.role);
        if (event.data.resent !== true) await addUser(tx, person, event.data, recorded, INVITED);
        else await setInvitedAgain(tx, person, sequence);
        if (details !== undefined) await addPerson(tx, person, details);
        if (invitation !== undefined) await addInvite(tx, person, invitation, recorded.time);
        return;
      }
      case 'PortalUserRegistered': {
        const { person: details, passwordHash } = event.confidential ?? {};
        if (recorded.version === 1) await addUser(tx, person, event.data, recorded, REGISTERED);
        else await setRegistered(tx, person, sequence);
        if (details !== undefined) await addPerson(tx, person, details, passwordHash);
        else await setPassword(tx, person, passwordHash);
        return removeInvite(tx, person);
      }
      case 'PortalUserDetailsChanged':
        return event.confidential === undefined ? undefined : setDetails(tx, person, event.confidential);
      case 'PortalUserRoleChanged':
        await requireCurrent(tx, customerId, event.data.to);
        return setRole(tx, person, event.data);
      case 'PortalUserDeactivated':
        await setStatus(tx, person, 'inactive', sequence);
        return endSessionsOf(tx, customerId, portalUserId);
      case 'PortalUserReactivated':
        return setStatus(tx, person, 'active', sequence);
      case 'PortalUserDeleted':
        await forgetSecondFactor(tx, person);
        await removeInvite(tx, person);
        return forget(tx, person);
      case 'PortalUserSecondFactorEnrolled':
        return event.confidential && keepSecondFactor(tx, person, event.confidential);
      case 'PortalUserSecondFactorReset':
        return forgetSecondFactor(tx, person);
      case 'PortalUserRecoveryCodesRenewed':
        return replaceRecoveryCodes(tx, person, event.confidential?.recoveryCodeHashes ?? []);
    }
  },
};

interface PersonId {
  readonly customerId: string;
  readonly portalUserId: string;
}
type Status = 'active' | 'inactive';
interface RoleName {
  readonly id: string;
  readonly name: string;
}
const INVITED = { status: 'inactive', becomes: 'active' } as const;
const REGISTERED = { status: 'active', becomes: null } as const;

async function addUser(
  tx: PoolClient,
  { customerId, portalUserId }: PersonId,
  { owner, role }: { readonly owner: boolean; readonly role?: RoleName | undefined },
  { sequence, time }: Recorded,
  { status, becomes }: { readonly status: Status; readonly becomes: Status | null },
): Promise<void> {
  await tx.query({
    name: 'user-view.portal-user',
    text: `insert into user_v1 (customer_id, id, type, owner, status, becomes, role_id, role_name, created_at, status_sequence)
           values ($1, $2, 'portal', $3, $4, $5, $6, $7, $8, $9)`,
    values: [customerId, portalUserId, owner, status, becomes, role?.id, role?.name, time, sequence],
  });
}

async function addPerson(
  tx: PoolClient,
  { customerId, portalUserId }: PersonId,
  { email, firstName, lastName }: PersonalData,
  passwordHash?: string,
): Promise<void> {
  await tx.query({
    name: 'user-view.person',
    text: `insert into portal_user_private (customer_id, portal_user_id, email, first_name, last_name, password_hash)
           values ($1, $2, $3, $4, $5, $6)`,
    values: [customerId, portalUserId, email, firstName, lastName, passwordHash],
  });
}

/**
 * The valid link of the person, in place of an older one, and the mail that brings it. Its number is counted as the aggregate
 * counts it: of an invitation that was put back from the topic there is no link.
 */
async function addInvite(
  tx: PoolClient,
  { customerId, portalUserId }: PersonId,
  { tokenKey, sealedToken }: Invitation,
  time: Date,
): Promise<void> {
  const { rows } = await tx.query<{ token_key: string | null }>({
    name: 'invite.add',
    text: `with before as (
             select token_key from portal_user_invite where customer_id = $1 and portal_user_id = $2
           ), mail as (
             insert into invite_mail (customer_id, portal_user_id, sealed_token) values ($1, $2, $5)
             on conflict (customer_id, portal_user_id)
             do update set sealed_token = excluded.sealed_token, attempts = 0, due_at = now(), given_up_at = null
           )
           insert into portal_user_invite (customer_id, portal_user_id, token_key, invitation, expires_at)
           values ($1, $2, $3, (select count(*) from event where stream_id = $2 and type = 'PortalUserInvited'),
                   $4::timestamptz + interval '24 hours')
           on conflict (customer_id, portal_user_id)
           do update set token_key = excluded.token_key, invitation = excluded.invitation, expires_at = excluded.expires_at
           returning (select token_key from before)`,
    values: [customerId, portalUserId, tokenKey, time, sealedToken],
  });
  const replaced = rows[0]?.token_key;
  if (typeof replaced === 'string') await releaseClaim(tx, { ...inviteClaim(replaced), streamId: portalUserId });
}

async function removeInvite(tx: PoolClient, { customerId, portalUserId }: PersonId): Promise<void> {
  const { rows } = await tx.query<{ token_key: string }>({
    name: 'invite.remove',
    text: `with mail as (delete from invite_mail where customer_id = $1 and portal_user_id = $2)
           delete from portal_user_invite where customer_id = $1 and portal_user_id = $2 returning token_key`,
    values: [customerId, portalUserId],
  });
  for (const { token_key: key } of rows) await releaseClaim(tx, { ...inviteClaim(key), streamId: portalUserId });
}

/** Of somebody who had registered and whose password is lost the status waits for the next one. */
async function setInvitedAgain(
  tx: PoolClient,
  { customerId, portalUserId }: PersonId,
  sequence: number,
): Promise<void> {
  await tx.query({
    name: 'user-view.invited-again',
    text: `update user_v1 set becomes = status, status = 'inactive', status_sequence = $3
           where customer_id = $1 and id = $2 and becomes is null`,
    values: [customerId, portalUserId, sequence],
  });
}

async function setRegistered(tx: PoolClient, { customerId, portalUserId }: PersonId, sequence: number): Promise<void> {
  await tx.query({
    name: 'user-view.registered',
    text: `update user_v1 set status = coalesce(becomes, status), becomes = null, status_sequence = $3
           where customer_id = $1 and id = $2`,
    values: [customerId, portalUserId, sequence],
  });
}

async function setPassword(tx: PoolClient, { customerId, portalUserId }: PersonId, hash?: string): Promise<void> {
  await tx.query({
    name: 'user-view.password',
    text: 'update portal_user_private set password_hash = $3 where customer_id = $1 and portal_user_id = $2',
    values: [customerId, portalUserId, hash],
  });
}

/** The claim of a new address came with the event; that of the old one goes. */
async function setDetails(
  tx: PoolClient,
  { customerId, portalUserId }: PersonId,
  { email, firstName, lastName }: PersonalData,
): Promise<void> {
  const { rows } = await tx.query<{ email: string }>({
    name: 'user-view.details',
    text: `update portal_user_private p set email = $3, first_name = $4, last_name = $5
           from (select email from portal_user_private where customer_id = $1 and portal_user_id = $2) before
           where p.customer_id = $1 and p.portal_user_id = $2
           returning before.email`,
    values: [customerId, portalUserId, email, firstName, lastName],
  });
  const [claim, before] = [emailClaim(email), rows[0] && emailClaim(rows[0].email)];
  if (before !== undefined && before.key !== claim.key) await releaseClaim(tx, { ...before, streamId: portalUserId });
}

async function setRole(
  tx: PoolClient,
  { customerId, portalUserId }: PersonId,
  { from, to }: { readonly from: RoleName; readonly to: RoleName },
): Promise<void> {
  const { rowCount } = await tx.query({
    name: 'user-view.portal-user-role',
    text: `update user_v1 set role_id = $4, role_name = $5 where customer_id = $1 and id = $2 and role_id = $3`,
    values: [customerId, portalUserId, from.id, to.id, to.name],
  });
  // Its former role was deleted meanwhile, which has given it another one.
  if (rowCount === 0) throw new RoleOutdated();
}

/** Of somebody who is invited it is the status to come. */
async function setStatus(
  tx: PoolClient,
  { customerId, portalUserId }: PersonId,
  status: Status,
  sequence: number,
): Promise<void> {
  await tx.query({
    name: 'user-view.portal-user-status',
    text: `update user_v1 set status = case when becomes is null then $3 else status end,
                              becomes = case when becomes is null then null else $3 end, status_sequence = $4
           where customer_id = $1 and id = $2`,
    values: [customerId, portalUserId, status, sequence],
  });
}

/** Name, address and password are gone, and the address may be invited again. */
async function forget(tx: PoolClient, { customerId, portalUserId }: PersonId): Promise<void> {
  const { rows } = await tx.query<{ email: string }>({
    name: 'user-view.forget',
    text: `with listed as (delete from user_v1 where customer_id = $1 and id = $2)
           delete from portal_user_private where customer_id = $1 and portal_user_id = $2 returning email`,
    values: [customerId, portalUserId],
  });
  for (const { email } of rows) await releaseClaim(tx, { ...emailClaim(email), streamId: portalUserId });
}

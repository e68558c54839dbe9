import type { Recorded } from '@rebelcore/event-store/event-store';
import type { PoolClient } from 'pg';
import type { StoredIdentityEvent } from './publication.js';

/**
 * Keeps `user_v1`, sessions and the private tables in the transaction of the events, so that everyone reads their own
 * writes.
 */
export async function project(tx: PoolClient, recorded: Recorded): Promise<void> {
  const { sequence, time } = recorded;
  const event = recorded.event as StoredIdentityEvent;
  switch (event.type) {
    case 'PortalUserRegistered': {
      const { customerId, portalUserId, owner } = event.data;
      await tx.query({
        name: 'user-view.portal-user',
        text: `insert into user_v1 (customer_id, id, type, owner, status, created_at, status_sequence)
               values ($1, $2, 'portal', $3, 'active', $4, $5)`,
        values: [customerId, portalUserId, owner, time, sequence],
      });
      if (event.confidential === undefined) return;
      const { email, firstName, lastName, passwordHash } = event.confidential;
      await tx.query({
        name: 'user-view.person',
        text: `insert into portal_user_private (customer_id, portal_user_id, email, first_name, last_name, password_hash)
               values ($1, $2, $3, $4, $5, $6)`,
        values: [customerId, portalUserId, email, firstName, lastName, passwordHash],
      });
      return;
    }
    case 'ApiUserCreated': {
      const { customerId, apiUserId, username, label, role, replaces } = event.data;
      await tx.query({
        name: 'user-view.api-user',
        text: `with credential as (
                 insert into api_user_credential (customer_id, api_user_id, pepper_version, verifier)
                 select $1, $2, $10, $11 where $11::text is not null
               )
               insert into user_v1 (customer_id, id, type, owner, status, username, label, role_id, role_name, replaces,
                                    created_at, status_sequence)
               values ($1, $2, 'api', false, 'active', $3, $4, $5, $6, $7, $8, $9)`,
        values: [
          customerId,
          apiUserId,
          username,
          label,
          role.id,
          role.name,
          replaces,
          time,
          sequence,
          event.confidential?.pepperVersion,
          event.confidential?.verifier,
        ],
      });
      return;
    }
    case 'ApiUserDeactivated':
    case 'ApiUserReactivated':
      await tx.query({
        name: 'user-view.status',
        text: 'update user_v1 set status = $3, status_sequence = $4 where customer_id = $1 and id = $2',
        values: [
          event.data.customerId,
          event.data.apiUserId,
          event.type === 'ApiUserDeactivated' ? 'inactive' : 'active',
          sequence,
        ],
      });
      return;
    case 'PortalUserSignedIn': {
      if (event.confidential === undefined) return;
      const { tokenHash, sessionId, expiresAt } = event.confidential;
      await tx.query({
        name: 'session.open',
        text: `insert into session (token_hash, id, customer_id, portal_user_id, created_at, expires_at, last_seen_at)
               values ($1, $2, $3, $4, $5, $6, $5)`,
        values: [tokenHash, sessionId, event.data.customerId, event.data.portalUserId, time, expiresAt],
      });
      return;
    }
    case 'CustomerProvisioned':
    case 'PortalUserSignInFailed':
      return;
  }
}

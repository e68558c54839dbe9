import type { StreamPublication } from '@rebelcore/event-store/event-store';
import { identityEvent } from '../published-event.js';
import { portalUser, type PortalUserEvent } from './portal-user.js';

/** What goes onto the topic of a portal user, and the tables that follow it in the transaction of its events. */
export const portalUserPublication: StreamPublication<PortalUserEvent> = {
  aggregate: portalUser,

  publish: (recording) => [identityEvent(recording, recording.event.data.portalUserId)],

  async project(tx, { event, sequence, time }): Promise<void> {
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
  },
};

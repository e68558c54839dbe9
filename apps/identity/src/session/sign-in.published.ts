import type { StreamPublication } from '@rebelcore/event-store/event-store';
import type { PoolClient } from 'pg';
import { identityEvent } from '../published-event.js';
import { signIn, type NewSession, type SignInEvent } from './sign-in.js';

type SignedIn = Extract<SignInEvent, { type: 'PortalUserSignedIn' }>['data'];

/** Sign-ins, on the topic, and the session that each opens. */
export const signInPublication: StreamPublication<SignInEvent> = {
  aggregate: signIn,
  publish: (recording) => [identityEvent(recording, recording.event.data.portalUserId)],
  project(tx, { event, time }): Promise<void> {
    switch (event.type) {
      case 'PortalUserSignedIn':
        return event.confidential === undefined ? nothing() : openSession(tx, event.data, event.confidential, time);
      case 'PortalUserSignInFailed':
        return nothing();
    }
  },
};

const nothing = (): Promise<void> => Promise.resolve();

async function openSession(
  tx: PoolClient,
  { customerId, portalUserId, secondFactor }: SignedIn,
  { tokenHash, sessionId, expiresAt, ip, userAgent }: NewSession,
  time: Date,
): Promise<void> {
  await tx.query({
    name: 'session.open',
    text: `insert into session (token_hash, id, customer_id, portal_user_id, created_at, expires_at, last_seen_at,
                                second_factor, ip, user_agent)
           values ($1, $2, $3, $4, $5, $6, $5, $7, $8, $9)`,
    values: [
      tokenHash,
      sessionId,
      customerId,
      portalUserId,
      time,
      expiresAt,
      secondFactor !== undefined,
      ip,
      userAgent,
    ],
  });
}

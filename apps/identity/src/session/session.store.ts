import { PERMISSIONS } from '@rebelcore/contracts/roles';
import type { EventStore } from '@rebelcore/event-store/event-store';
import { createHash, randomBytes } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { portalUser } from '../portal-user/portal-user.js';
import type { SessionClaims } from './session-tokens.js';

const ABSOLUTE_HOURS = 12;
const IDLE = `interval '1 hour'`;

/** How a request names its session: by the token of the cookie, or by the id that a session token carries. */
export type SessionName = { readonly token: string } | { readonly sessionId: string };

export const newSessionToken = (): string => randomBytes(32).toString('base64url');
export const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();
export const sessionEnd = (): Date => new Date(Date.now() + ABSOLUTE_HOURS * 3_600_000);

interface SessionRow {
  id: string;
  customer_id: string;
  portal_user_id: string;
}

/** Sessions as they are now. What they may do is read from the user's events each time, so that changes count at once. */
export class SessionStore {
  constructor(
    private readonly pool: Pool,
    private readonly events: EventStore,
  ) {}

  /** Who it is, while the session has neither expired nor been ended and the user is there. Counts as activity. */
  async alive(name: SessionName): Promise<SessionClaims | undefined> {
    const [column, value] = keyOf(name);
    // Activity is written at most once a minute, and most requests only read.
    const { rows } = await this.pool.query<SessionRow>({
      name: `session.alive.${column}`,
      text: `with live as (
               select token_hash, id, customer_id, portal_user_id, last_seen_at from session
               where ${column} = $1 and expires_at > now() and last_seen_at > now() - ${IDLE}
             ), seen as (
               update session set last_seen_at = now() from live
               where session.token_hash = live.token_hash and live.last_seen_at < now() - interval '1 minute'
             )
             select id, customer_id, portal_user_id from live`,
      values: [value],
    });
    const [session] = rows;
    if (session === undefined) return undefined;
    const { state } = await this.events.load(portalUser, session.portal_user_id, session.customer_id);
    if (state.status !== 'active') return undefined;
    return {
      sessionId: session.id,
      portalUserId: session.portal_user_id,
      customerId: session.customer_id,
      owner: state.owner,
      // The Super Admin stands outside roles: every check passes.
      permissions: state.owner ? PERMISSIONS : [],
    };
  }

  /** Ends the session, and clears away those that have expired. */
  async end(name: SessionName): Promise<void> {
    const [column, value] = keyOf(name);
    await this.pool.query(`delete from session where ${column} = $1 or expires_at < now()`, [value]);
  }
}

const keyOf = (name: SessionName): ['token_hash' | 'id', unknown] =>
  'token' in name ? ['token_hash', hashOf(name.token)] : ['id', name.sessionId];

/** Ends every session of a person at once, from the next request on; in the transaction of the event that takes them away. */
export async function endSessionsOf(
  db: Pick<Pool | PoolClient, 'query'>,
  customerId: string,
  portalUserId: string,
): Promise<void> {
  await db.query({
    name: 'session.end-all-of',
    text: 'delete from session where customer_id = $1 and portal_user_id = $2',
    values: [customerId, portalUserId],
  });
}

import { PERMISSIONS } from '@rebelcore/contracts/roles';
import { acrossCustomers, rowsAcrossCustomers, withinCustomer } from '@rebelcore/event-store/customer-scope';
import type { EventStore } from '@rebelcore/event-store/event-store';
import { LIFE } from '@rebelcore/event-store/store-guard';
import { createHash, randomBytes } from 'node:crypto';
import { escapeLiteral, type Pool, type PoolClient } from 'pg';
import { portalUser } from '../portal-user/portal-user.js';
import type { Roles } from '../role/roles.js';
import type { SessionClaims } from './session-tokens.js';

const HOUR_MS = 3_600_000;
const ABSOLUTE_MS = 12 * HOUR_MS;
/** How long after the last request of its person, in the foreground, a session is still alive. */
const IDLE_MS = HOUR_MS;
const ALIVE = `expires_at > now() and last_seen_at > now() - interval '${String(IDLE_MS)} milliseconds'`;

/** How a request names its session: by the token of the cookie, or by the id that a session token carries. */
export type SessionName = { readonly token: string } | { readonly sessionId: string };

/** A session that is alive, and whose it is. */
export interface Session extends SessionClaims {
  readonly createdAt: Date;
  readonly endsAt: Date;
  /** The role that the person has now; undefined for the owner, who stands outside roles. */
  readonly role: { readonly id: string; readonly name: string } | undefined;
  /** When it ends unless its person does something. */
  readonly idleEndsAt: Date;
  /** Until an authenticator app is enrolled a session is good for nothing else. */
  readonly secondFactor: 'enrolled' | 'enrolment_required';
}

/** As its person sees it among others. */
export interface ListedSession {
  readonly id: string;
  readonly createdAt: Date;
  readonly lastSeenAt: Date;
  readonly endsAt: Date;
  readonly idleEndsAt: Date;
  readonly ip: string;
  readonly userAgent: string;
}

export const newSessionToken = (): string => randomBytes(32).toString('base64url');
export const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();
export const sessionEnd = (): Date => new Date(Date.now() + ABSOLUTE_MS);

interface SessionRow {
  id: string;
  customer_id: string;
  portal_user_id: string;
  created_at: Date;
  expires_at: Date;
  last_seen_at: Date;
  second_factor: boolean;
  life: string;
}

/** Sessions as they are now. What they may do is read each time, from events and roles, so that changes count at once. */
export class SessionStore {
  constructor(
    private readonly pool: Pool,
    private readonly events: EventStore,
    private readonly roles: Roles,
  ) {}

  /**
   * Who it is, while the session has neither expired nor been ended and the user is there.
   *
   * @param renews whether the person does something, so that the idle hour begins anew
   * @throws {StoreBehind}
   * @throws {StoreUnverified}
   */
  async alive(name: SessionName, { renews }: { readonly renews: boolean }): Promise<Session | undefined> {
    const [column, value] = keyOf(name);
    const named = typeof value === 'string' ? escapeLiteral(value) : `'\\x${value.toString('hex')}'::bytea`;
    // Activity is written at most once a minute, and most requests only read.
    // Whose it is, only the session itself can tell.
    const [session] = await rowsAcrossCustomers<SessionRow>(
      this.pool,
      `with live as (
         select token_hash, id, customer_id, portal_user_id, created_at, expires_at, last_seen_at, second_factor
         from session where ${column} = ${named} and ${ALIVE}
       ), seen as (
         update session set last_seen_at = now() from live
         where ${String(renews)} and session.token_hash = live.token_hash
           and live.last_seen_at < now() - interval '1 minute'
         returning session.last_seen_at
       )
       select id, customer_id, portal_user_id, created_at, expires_at, second_factor, ${LIFE} as life,
              coalesce((select last_seen_at from seen), last_seen_at) as last_seen_at
       from live`,
    );
    if (session === undefined) return undefined;
    await this.events.requireVerified(session.life);
    const { state } = await this.events.load(portalUser, session.portal_user_id, session.customer_id);
    if (state.status !== 'active') return undefined;
    const role = state.owner ? undefined : await this.roles.ofUser(session.customer_id, session.portal_user_id);
    return {
      sessionId: session.id,
      portalUserId: session.portal_user_id,
      customerId: session.customer_id,
      owner: state.owner,
      // The Super Admin stands outside roles: every check passes.
      permissions: state.owner ? PERMISSIONS : (role?.permissions ?? []),
      role: role && { id: role.id, name: role.name },
      createdAt: session.created_at,
      endsAt: session.expires_at,
      idleEndsAt: idleEndOf(session),
      secondFactor: session.second_factor && state.secondFactor ? 'enrolled' : 'enrolment_required',
    };
  }

  /** Those of one person that are alive, newest first. */
  async listOf({
    customerId,
    portalUserId,
  }: Pick<SessionClaims, 'customerId' | 'portalUserId'>): Promise<ListedSession[]> {
    const { rows } = await withinCustomer(this.pool, customerId, (tx) =>
      tx.query<Omit<SessionRow, 'life'> & { ip: string; user_agent: string }>({
        name: 'session.list',
        text: `select id, created_at, expires_at, last_seen_at, ip, user_agent from session
             where customer_id = $1 and portal_user_id = $2 and ${ALIVE} order by created_at desc, id desc`,
        values: [customerId, portalUserId],
      }),
    );
    return rows.map((row) => ({
      id: row.id,
      createdAt: row.created_at,
      lastSeenAt: row.last_seen_at,
      endsAt: row.expires_at,
      idleEndsAt: idleEndOf(row),
      ip: row.ip,
      userAgent: row.user_agent,
    }));
  }

  async end(name: SessionName): Promise<void> {
    const [column, value] = keyOf(name);
    await acrossCustomers(this.pool, (tx) => tx.query(`delete from session where ${column} = $1`, [value]));
  }

  /** False when this person has no session of that id. */
  async endOwn(sessionId: string, { customerId, portalUserId }: SessionClaims): Promise<boolean> {
    const { rowCount } = await withinCustomer(this.pool, customerId, (tx) =>
      tx.query({
        name: 'session.end-own',
        text: `delete from session where id = $1 and customer_id = $2 and portal_user_id = $3 and ${ALIVE}`,
        values: [sessionId, customerId, portalUserId],
      }),
    );
    return rowCount === 1;
  }

  /** Clears away those that are over. */
  async sweep(): Promise<void> {
    await acrossCustomers(this.pool, (tx) => tx.query(`delete from session where not (${ALIVE})`));
  }

  /** The secret of an enrolment that this session has begun; an earlier one of the session is worth nothing from here on. */
  async keepPendingSecret({ sessionId, customerId }: SessionClaims, sealed: Uint8Array): Promise<void> {
    await withinCustomer(this.pool, customerId, (tx) =>
      tx.query({
        name: 'session.keep-pending-secret',
        text: 'update session set sealed_pending_secret = $2 where id = $1',
        values: [sessionId, sealed],
      }),
    );
  }

  async pendingSecretOf({ sessionId, customerId }: SessionClaims): Promise<Buffer | undefined> {
    const { rows } = await withinCustomer(this.pool, customerId, (tx) =>
      tx.query<{ sealed_pending_secret: Buffer | null }>({
        name: 'session.pending-secret',
        text: 'select sealed_pending_secret from session where id = $1',
        values: [sessionId],
      }),
    );
    return rows[0]?.sealed_pending_secret ?? undefined;
  }
}

const keyOf = (name: SessionName): ['token_hash' | 'id', Buffer | string] =>
  'token' in name ? ['token_hash', hashOf(name.token)] : ['id', name.sessionId];

const idleEndOf = (row: Pick<SessionRow, 'last_seen_at'>): Date => new Date(row.last_seen_at.getTime() + IDLE_MS);

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

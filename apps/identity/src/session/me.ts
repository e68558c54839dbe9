import { PERMISSIONS } from '@rebelcore/contracts/roles';
import { z } from 'zod';
import type { Me } from './session.queries.js';
import type { ListedSession } from './session.store.js';

/** Who is signed in, as `/me` and a sign-in answer. */
export const meResponse = z
  .object({
    user: z.object({
      id: z.uuid(),
      email: z.string(),
      first_name: z.string(),
      last_name: z.string(),
      owner: z.boolean(),
      role: z
        .object({ id: z.uuid(), name: z.string() })
        .nullable()
        .meta({ description: 'Null for the owner, who stands outside roles.' }),
    }),
    customer: z.object({ id: z.uuid(), name: z.string() }),
    permissions: z.array(z.enum(PERMISSIONS)),
    session: z.object({
      id: z.uuid(),
      created_at: z.iso.datetime(),
      ends_at: z.iso.datetime().meta({ description: '12 h after the sign-in, whatever happens.' }),
      idle_ends_at: z.iso.datetime().meta({ description: 'An hour after the last request without `x-background: 1`.' }),
      second_factor: z
        .enum(['enrolled', 'enrolment_required'])
        .meta({ description: 'Until an authenticator app is enrolled the session is good for nothing else.' }),
    }),
  })
  .meta({ id: 'Me' });

export function meOf({ user, customer, permissions, session }: Me): z.infer<typeof meResponse> {
  const { id, email, firstName, lastName, owner } = user;
  return {
    user: { id, email, first_name: firstName, last_name: lastName, owner, role: session.role ?? null },
    customer,
    permissions: [...permissions],
    session: {
      id: session.sessionId,
      created_at: session.createdAt.toISOString(),
      ends_at: session.endsAt.toISOString(),
      idle_ends_at: session.idleEndsAt.toISOString(),
      second_factor: session.secondFactor,
    },
  };
}

export const sessionsResponse = z
  .object({
    items: z.array(
      z.object({
        id: z.uuid(),
        created_at: z.iso.datetime(),
        last_seen_at: z.iso.datetime().meta({ description: 'To the minute.' }),
        ends_at: z.iso.datetime(),
        idle_ends_at: z.iso.datetime(),
        ip: z.string().meta({ description: 'Where it was opened.' }),
        user_agent: z.string(),
        current: z.boolean(),
      }),
    ),
    next_cursor: z.null(),
    as_of: z.iso.datetime(),
  })
  .meta({ id: 'Sessions' });

export const sessionsOf = (
  sessions: readonly ListedSession[],
  currentId: string,
): z.infer<typeof sessionsResponse> => ({
  items: sessions.map(({ id, createdAt, lastSeenAt, endsAt, idleEndsAt, ip, userAgent }) => ({
    id,
    created_at: createdAt.toISOString(),
    last_seen_at: lastSeenAt.toISOString(),
    ends_at: endsAt.toISOString(),
    idle_ends_at: idleEndsAt.toISOString(),
    ip,
    user_agent: userAgent,
    current: id === currentId,
  })),
  next_cursor: null,
  as_of: new Date().toISOString(),
});

import type { Call, callEvents } from '@rebelcore/contracts/call-events';
import type { Actor, IdentityEvent } from '@rebelcore/contracts/identity-events';
import type { tokenEvents } from '@rebelcore/contracts/token-events';
import { createHash } from 'node:crypto';

/** Every type that an entry can have; the values of the filter `event_type`. */
export const EVENT_TYPES = [
  'customer.provision',
  'user.add',
  'user.invite',
  'user.register',
  'user.role_change',
  'user.deactivate',
  'user.reactivate',
  'user.delete',
  'session.sign_in',
  'session.sign_in_failed',
  'second_factor.enrol',
  'second_factor.reset',
  'role.add',
  'role.change',
  'role.delete',
  'role.reassign_and_delete',
  'api_user.create',
  'api_user.deactivate',
  'api_user.reactivate',
  'api_user.role_change',
  'api_user.authorization_applied',
  'hand_over.create',
  'hand_over.open',
  'hand_over.withdraw',
  'api.authorize',
  'api.call',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export const OUTCOMES = ['success', 'refused', 'failed'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** One line of the activity log. It depends on the event alone, so that the same event always gives the same entry. */
export interface ActivityEntry {
  readonly id: string;
  readonly customerId: string;
  /** The user that the entry is about: the API user that was deactivated, not the person who did it. */
  readonly userId: string | null;
  readonly eventType: EventType;
  /** RFC 3339 UTC, milliseconds. */
  readonly occurredAt: string;
  readonly outcome: Outcome;
  readonly description: string;
  /** Identifiers, status, route, times. Never a body, a secret, an e-mail address or a name of a person. */
  readonly metadata: Readonly<Record<string, string | number | boolean>>;
  readonly correlationId: string;
}

type TokenEvent = ReturnType<typeof tokenEvents.read>;
type CallEvent = ReturnType<typeof callEvents.read>;
type Story = Pick<ActivityEntry, 'userId' | 'eventType' | 'description' | 'metadata'> & { readonly outcome?: Outcome };

export function describeIdentityEvent(event: IdentityEvent): ActivityEntry {
  return entryOf(event, identityStory(event));
}

export function describeTokenEvent(event: TokenEvent): ActivityEntry {
  const { apiUserId, state, sequence, appliedAt } = event.data;
  return entryOf(event, {
    userId: apiUserId,
    eventType: 'api_user.authorization_applied',
    description: `API user ${apiUserId} is now ${state === 'active' ? 'accepted' : 'refused'} by every authorize`,
    metadata: { state, sequence, applied_at: appliedAt },
  });
}

/** One record carries the calls of one customer that were answered together; each is an entry of its own. */
export function describeCalls(event: CallEvent): ActivityEntry[] {
  const { customerId, calls } = event.data;
  return calls.map((call) => ({
    id: call.id,
    customerId,
    userId: call.apiUserId ?? call.portalUserId ?? null,
    eventType: call.route === AUTHORIZE ? 'api.authorize' : 'api.call',
    occurredAt: atMillisecond(call.at),
    outcome: call.outcome,
    description: call.route === AUTHORIZE ? authorizeText(call) : callText(call),
    metadata: callMetadata(call),
    correlationId: oneLine(call.correlationId),
  }));
}

function identityStory(event: IdentityEvent): Story {
  switch (event.name) {
    case 'CustomerProvisioned': {
      const { name, ownerId, actor } = event.data;
      return {
        userId: null,
        eventType: 'customer.provision',
        description: `Customer "${oneLine(name)}" was provisioned by ${nameOf(actor)}`,
        metadata: { owner_id: ownerId, ...actorMetadata(actor) },
      };
    }
    case 'PortalUserRegistered': {
      const { portalUserId, owner, actor } = event.data;
      if (actor.kind === 'portal_user') {
        return {
          userId: portalUserId,
          eventType: 'user.register',
          description: `Portal user ${portalUserId} set a password and may sign in`,
          metadata: { owner, ...actorMetadata(actor) },
        };
      }
      return {
        userId: portalUserId,
        eventType: 'user.add',
        description: `Portal user ${portalUserId} was added ${owner ? 'as Customer Super Admin ' : ''}by ${nameOf(actor)}`,
        metadata: { owner, ...actorMetadata(actor) },
      };
    }
    case 'PortalUserInvited': {
      const { portalUserId, role, resent = false, actor } = event.data;
      const as = role === undefined ? 'as Customer Super Admin' : `with role ${oneLine(role.name)}`;
      return {
        userId: portalUserId,
        eventType: resent ? 'user.invite' : 'user.add',
        description: `Portal user ${portalUserId} was ${resent ? 'invited again' : 'added'} ${as} by ${nameOf(actor)}`,
        metadata: { ...(role !== undefined && roleMetadata(role)), ...actorMetadata(actor) },
      };
    }
    case 'PortalUserDeactivated':
    case 'PortalUserReactivated':
    case 'PortalUserDeleted': {
      const { portalUserId, actor } = event.data;
      const verb = PORTAL_USER_VERBS[event.name];
      return {
        userId: portalUserId,
        eventType: `user.${verb}`,
        description: `Portal user ${portalUserId} was ${verb}d by ${nameOf(actor)}`,
        metadata: actorMetadata(actor),
      };
    }
    case 'PortalUserRoleChanged': {
      const { portalUserId, from, to, actor } = event.data;
      return {
        userId: portalUserId,
        eventType: 'user.role_change',
        description: `The role of portal user ${portalUserId} was changed from ${oneLine(from.name)} to ${oneLine(to.name)} by ${nameOf(actor)}`,
        metadata: { ...roleChangeMetadata(from, to), ...actorMetadata(actor) },
      };
    }
    case 'PortalUserSignedIn': {
      const { portalUserId, secondFactor } = event.data;
      const by = secondFactor === 'recovery-code' ? ' with a recovery code' : '';
      return {
        userId: portalUserId,
        eventType: 'session.sign_in',
        description: `Portal user ${portalUserId} signed in${by}`,
        metadata: secondFactor === undefined ? {} : { second_factor: secondFactor },
      };
    }
    case 'PortalUserSecondFactorEnrolled': {
      const { portalUserId } = event.data;
      return {
        userId: portalUserId,
        eventType: 'second_factor.enrol',
        description: `Portal user ${portalUserId} enrolled an authenticator app`,
        metadata: {},
      };
    }
    case 'PortalUserSecondFactorReset': {
      const { portalUserId, actor } = event.data;
      return {
        userId: portalUserId,
        eventType: 'second_factor.reset',
        description: `The second factor of portal user ${portalUserId} was reset by ${nameOf(actor)}`,
        metadata: actorMetadata(actor),
      };
    }
    case 'PortalUserSignInFailed': {
      const { portalUserId, reason } = event.data;
      const why = reason === 'inactive' ? 'the account is inactive' : 'wrong password';
      return {
        userId: portalUserId,
        eventType: 'session.sign_in_failed',
        outcome: 'refused',
        description: `Sign-in refused for portal user ${portalUserId}: ${why}`,
        metadata: { reason },
      };
    }
    case 'ApiUserCreated': {
      const { apiUserId, role, replaces, actor } = event.data;
      const successor = replaces === undefined ? '' : `, to replace API user ${replaces}`;
      return {
        userId: apiUserId,
        eventType: 'api_user.create',
        description: `API user ${apiUserId} was created with role ${oneLine(role.name)} by ${nameOf(actor)}${successor}`,
        metadata: {
          ...roleMetadata(role),
          ...(replaces !== undefined && { replaces }),
          ...actorMetadata(actor),
        },
      };
    }
    case 'ApiUserDeactivated':
    case 'ApiUserReactivated': {
      const { apiUserId, actor } = event.data;
      const verb = event.name === 'ApiUserDeactivated' ? 'deactivate' : 'reactivate';
      return {
        userId: apiUserId,
        eventType: `api_user.${verb}`,
        description: `API user ${apiUserId} was ${verb}d by ${nameOf(actor)}`,
        metadata: actorMetadata(actor),
      };
    }
    case 'ApiUserRoleChanged': {
      const { apiUserId, from, to, actor } = event.data;
      return {
        userId: apiUserId,
        eventType: 'api_user.role_change',
        description: `The role of API user ${apiUserId} was changed from ${oneLine(from.name)} to ${oneLine(to.name)} by ${nameOf(actor)}`,
        metadata: { ...roleChangeMetadata(from, to), ...actorMetadata(actor) },
      };
    }
    case 'RoleAdded':
    case 'RoleChanged': {
      const { roleId, name, permissions, actor } = event.data;
      const verb = event.name === 'RoleAdded' ? 'add' : 'change';
      const allowed = permissions.length === 0 ? 'nothing' : permissions.map(oneLine).join(', ');
      return {
        userId: null,
        eventType: `role.${verb}`,
        description: `Role ${oneLine(name)} was ${verb === 'add' ? 'added' : 'changed'} by ${nameOf(actor)}; it permits ${allowed}`,
        metadata: {
          ...roleMetadata({ id: roleId, name }),
          permissions: permissions.map(oneLine).join(' '),
          ...(event.name === 'RoleAdded' && event.data.copyOf !== undefined && { copy_of: event.data.copyOf }),
          ...actorMetadata(actor),
        },
      };
    }
    case 'RoleDeleted': {
      const { roleId, name, reassignedTo, usersMoved, actor } = event.data;
      const deleted = `Role ${oneLine(name)} was deleted by ${nameOf(actor)}`;
      const metadata = { ...roleMetadata({ id: roleId, name }), ...actorMetadata(actor) };
      if (reassignedTo === undefined) return { userId: null, eventType: 'role.delete', description: deleted, metadata };
      return {
        userId: null,
        eventType: 'role.reassign_and_delete',
        description: `${deleted}; ${String(usersMoved)} users now have role ${oneLine(reassignedTo.name)}`,
        metadata: {
          ...metadata,
          target_role_id: reassignedTo.id,
          target_role_name: oneLine(reassignedTo.name),
          users_moved: usersMoved,
        },
      };
    }
    case 'HandOverCreated': {
      const { handOverId, apiUserId, expiresAt, actor } = event.data;
      return {
        userId: apiUserId,
        eventType: 'hand_over.create',
        description: `A hand-over link for the credentials of API user ${apiUserId} was made by ${nameOf(actor)}`,
        metadata: { hand_over_id: handOverId, expires_at: expiresAt, ...actorMetadata(actor) },
      };
    }
    case 'HandOverOpened': {
      const { handOverId, apiUserId } = event.data;
      return {
        userId: apiUserId,
        eventType: 'hand_over.open',
        description: `The hand-over link for the credentials of API user ${apiUserId} was opened`,
        metadata: { hand_over_id: handOverId },
      };
    }
    case 'HandOverWithdrawn': {
      const { handOverId, apiUserId, actor } = event.data;
      return {
        userId: apiUserId,
        eventType: 'hand_over.withdraw',
        description: `The hand-over link for the credentials of API user ${apiUserId} was withdrawn by ${nameOf(actor)}`,
        metadata: { hand_over_id: handOverId, ...actorMetadata(actor) },
      };
    }
  }
}

const PORTAL_USER_VERBS = {
  PortalUserDeactivated: 'deactivate',
  PortalUserReactivated: 'reactivate',
  PortalUserDeleted: 'delete',
} as const;

interface NamedRole {
  readonly id: string;
  readonly name: string;
}

const roleMetadata = ({ id, name }: NamedRole) => ({ role_id: id, role_name: oneLine(name) });
const roleChangeMetadata = (from: NamedRole, to: NamedRole) => ({
  from_role_id: from.id,
  from_role_name: oneLine(from.name),
  to_role_id: to.id,
  to_role_name: oneLine(to.name),
});

function entryOf(event: IdentityEvent | TokenEvent, story: Story): ActivityEntry {
  return {
    outcome: 'success',
    ...story,
    id: entryId(event.source, event.id),
    customerId: event.data.customerId,
    occurredAt: atMillisecond(event.time),
    correlationId: oneLine(event.correlationId),
  };
}

const AUTHORIZE = 'POST /api/v1/authorize';

function authorizeText(call: Call): string {
  const whom = call.apiUserId === undefined ? '' : ` for API user ${call.apiUserId}`;
  if (call.outcome !== 'success') return `Authorize ${call.outcome}${whom}${whyOf(call)}`;
  const until =
    call.tokenExpiresAt === undefined ? '' : `, until ${new Date(call.tokenExpiresAt * 1000).toISOString()}`;
  return `API user ${call.apiUserId ?? 'unknown'} was authorized${until}`;
}

function callText(call: Call): string {
  const caller =
    call.apiUserId !== undefined
      ? `API user ${call.apiUserId}`
      : call.portalUserId !== undefined
        ? `portal user ${call.portalUserId}`
        : 'an unidentified caller';
  const route = oneLine(call.route);
  if (call.outcome === 'success') return `${capitalised(caller)} called ${route}`;
  return `${route} ${call.outcome} for ${caller}${whyOf(call)}`;
}

/** The reasons that services give, in words; a code without words is shown as it is. */
const WHY: Readonly<Record<string, string>> = {
  'api-user.inactive': 'it is inactive',
  'api-user.unknown': 'the username is unknown',
  'api-user.wrong-password': 'the password is wrong',
  'api-user.not-yet-in-force': 'it is not in force yet',
  'view.stale': 'it was not certain who may authorize',
  'token.expired': 'the token has expired',
  'token.missing': 'no token was sent',
  'token.invalid': 'the token is not valid',
  'session.required': 'there is no valid session',
  'session.unknown-address': 'the address is unknown',
  'operator.required': 'only the platform operator may do this',
  'permission.missing': 'the permission is missing',
  'request.invalid': 'the request is not valid',
};

const whyOf = ({ reason, status }: Call): string =>
  reason === undefined ? ` with status ${String(status)}` : `: ${WHY[reason] ?? oneLine(reason)}`;

const callMetadata = (call: Call): ActivityEntry['metadata'] => ({
  service: oneLine(call.service),
  route: oneLine(call.route),
  status: call.status,
  duration_ms: Math.round(call.durationMs * 1000) / 1000,
  ip: oneLine(call.ip),
  user_agent: oneLine(call.userAgent),
  ...(call.reason !== undefined && { reason: oneLine(call.reason) }),
  ...(call.tokenId !== undefined && { token_id: oneLine(call.tokenId) }),
  ...(call.tokenExpiresAt !== undefined && { token_expires_at: call.tokenExpiresAt }),
});

const nameOf = (actor: Actor): string => {
  switch (actor.kind) {
    case 'portal_user':
      return `portal user ${actor.id}`;
    case 'operator':
      return 'the platform operator';
    case 'anonymous':
      return 'an unidentified caller';
  }
};

const actorMetadata = (actor: Actor): Record<string, string> =>
  actor.kind === 'portal_user' ? { actor: actor.kind, actor_id: actor.id } : { actor: actor.kind };

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

/** CloudEvents asks only that source and id together are unique; an id that is no UUID becomes one (version 8). */
function entryId(source: string, id: string): string {
  if (UUID.test(id)) return id.toLowerCase();
  const hex = createHash('sha256').update(`${source}\0${id}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** @throws {RangeError} for a text that no calendar knows; the record is parked then. */
const atMillisecond = (time: string): string => (MILLISECOND.test(time) ? time : new Date(time).toISOString());
// Nearly every time is written so already, and its schema has seen that there is such a day.
const MILLISECOND = /^[^.]+\.\d{3}Z$/;

const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;
const MAX_TEXT = 256;

/** Text from outside on one line, without what could drive a terminal or turn text around. */
const oneLine = (text: string): string => (PLAIN.test(text) ? text : text.slice(0, MAX_TEXT).replace(UNPRINTABLE, ' '));
// Nearly every text is this; the general pattern costs several times as much.
const PLAIN = /^[ -~]{0,256}$/;

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

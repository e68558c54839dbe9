import { callEvents, type Call } from '@rebelcore/contracts/call-events';
import { identityEvents, type IdentityEvent } from '@rebelcore/contracts/identity-events';
import { tokenEvents } from '@rebelcore/contracts/token-events';
import { encodeEvent } from '@rebelcore/contracts/cloud-event';
import { usageOf } from '../usage/usage-fold.js';
import { describeCalls, describeFormerCalls, describeIdentityEvent, describeTokenEvent } from './description.js';

const customerId = '0198a1de-bbbb-7000-8000-000000000001';
const apiUserId = '0198a1de-aaaa-7000-8000-000000000001';
const portalUserId = '0198a1de-aaaa-7000-8000-000000000002';
const roleId = '0198a1de-0000-7000-8000-000000000003';
const owner = { kind: 'portal_user', id: portalUserId };

/** Through the codec, as events come. */
const record = (type: string, data: object, changes: { id?: string; time?: string } = {}) =>
  encodeEvent(
    {
      id: '0198a1de-cccc-7000-8000-000000000001',
      source: '/identity',
      type,
      time: '2026-11-23T07:00:00.000Z',
      subject: apiUserId,
      sequence: 1,
      correlationId: 'order-7',
      data,
      ...changes,
    },
    customerId,
  );
const identity = (name: IdentityEvent['name'], data: object, changes = {}) =>
  describeIdentityEvent(identityEvents.read(record(identityEvents.wireType(name), { customerId, ...data }, changes)));

const call: Call = {
  id: '0198a1de-dddd-7000-8000-000000000001',
  at: '2026-11-23T07:00:00.000Z',
  service: 'token',
  route: 'POST /api/v1/authorize',
  status: 200,
  outcome: 'success',
  durationMs: 1.23456,
  ip: '10.0.0.1',
  userAgent: 'billing/1.0',
  correlationId: 'order-7',
  apiUserId,
};
/** Written by the service that answers there, unless another writer is named. */
const describeCall = (changes: object, writer?: string) => {
  const data = { customerId, calls: [{ ...call, ...changes }] };
  const event = callEvents.read(record(callEvents.wireType('ApiCallRecorded'), data));
  const route = event.data.calls[0]?.route ?? '';
  return describeCalls(event, writer ?? ANSWERED_BY[route] ?? 'inference')[0];
};
const ANSWERED_BY: Readonly<Record<string, string>> = {
  'POST /api/v1/authorize': 'token',
  'POST /oauth2/token': 'token',
  'POST /api/v1/sessions': 'identity',
  'POST /api/v1/hand-overs/:id/open': 'identity',
  'GET /api/v1/activity/export': 'audit',
};

const SIGN_IN = { route: 'POST /api/v1/sessions', outcome: 'refused', status: 401, apiUserId: undefined };

describe('what an event of identity becomes', () => {
  it.each([
    [
      'CustomerProvisioned',
      { name: 'Acme', ownerId: portalUserId, actor: { kind: 'operator' } },
      {
        eventType: 'customer.provision',
        userId: null,
        description: 'Customer "Acme" was provisioned by the platform operator',
      },
    ],
    [
      'PortalUserRegistered',
      { portalUserId, owner: true, actor: { kind: 'operator' } },
      {
        eventType: 'user.add',
        userId: portalUserId,
        description: `Portal user ${portalUserId} was added as Customer Super Admin by the platform operator`,
      },
    ],
    [
      'PortalUserDetailsChanged',
      { portalUserId, changed: ['last_name', 'email'], actor: owner },
      {
        eventType: 'user.change',
        userId: portalUserId,
        description: `The last name and e-mail address of portal user ${portalUserId} were changed by portal user ${portalUserId}`,
      },
    ],
    [
      'PortalUserSignedIn',
      { portalUserId },
      { eventType: 'session.sign_in', userId: portalUserId, description: `Portal user ${portalUserId} signed in` },
    ],
    [
      'PortalUserRecoveryCodesRenewed',
      { portalUserId },
      {
        eventType: 'second_factor.renew_codes',
        userId: portalUserId,
        actorId: portalUserId,
        description: `Portal user ${portalUserId} made new recovery codes; the former ones open nothing any more`,
      },
    ],
    [
      'PortalUserSignInFailed',
      { portalUserId, reason: 'wrong-password' },
      {
        eventType: 'session.sign_in_failed',
        outcome: 'refused',
        description: `Sign-in refused for portal user ${portalUserId}: wrong password`,
        metadata: { reason: 'wrong-password' },
      },
    ],
    [
      'ApiUserCreated',
      {
        apiUserId,
        username: 'secret-looking@x',
        label: 'billing',
        role: { id: roleId, name: 'RebelCore_AgentUser' },
        actor: owner,
      },
      {
        eventType: 'api_user.create',
        userId: apiUserId,
        description: `API user ${apiUserId} was created with role RebelCore_AgentUser by portal user ${portalUserId}`,
        metadata: { role_id: roleId, role_name: 'RebelCore_AgentUser', actor: 'portal_user', actor_id: portalUserId },
      },
    ],
    [
      'ApiUserDeactivated',
      { apiUserId, actor: owner },
      {
        eventType: 'api_user.deactivate',
        userId: apiUserId,
        description: `API user ${apiUserId} was deactivated by portal user ${portalUserId}`,
      },
    ],
    [
      'ApiUserDeactivated',
      { apiUserId, actor: { kind: 'anonymous' }, reason: 'leaked' },
      {
        eventType: 'api_user.deactivate',
        userId: apiUserId,
        description: `API user ${apiUserId} was deactivated for good: its password was found in the open`,
        metadata: { reason: 'leaked', actor: 'anonymous' },
      },
    ],
    [
      'ApiUserReactivated',
      { apiUserId, actor: owner },
      {
        eventType: 'api_user.reactivate',
        description: `API user ${apiUserId} was reactivated by portal user ${portalUserId}`,
      },
    ],
    [
      'ApiUserCreated',
      {
        apiUserId,
        username: 'u',
        role: { id: roleId, name: 'RebelCore_AgentUser' },
        authorizeNetworks: ['10.0.0.0/8', '192.0.2.1/32', '192.0.2.2/32', '192.0.2.3/32', '192.0.2.4/32'],
        actor: owner,
      },
      {
        eventType: 'api_user.create',
        description: `API user ${apiUserId} was created with role RebelCore_AgentUser by portal user ${portalUserId}; it may authenticate only from 10.0.0.0/8, 192.0.2.1/32, 192.0.2.2/32 and 2 more, and use new tokens from anywhere`,
        metadata: {
          role_id: roleId,
          role_name: 'RebelCore_AgentUser',
          authorize_networks: '10.0.0.0/8 192.0.2.1/32 192.0.2.2/32 192.0.2.3/32 192.0.2.4/32',
          token_networks: '',
          actor: 'portal_user',
          actor_id: portalUserId,
        },
      },
    ],
    [
      'ApiUserNetworksChanged',
      { apiUserId, authorizeNetworks: [], tokenNetworks: ['2001:db8::/32'], actor: owner },
      {
        eventType: 'api_user.networks_change',
        userId: apiUserId,
        description: `The networks of API user ${apiUserId} were changed by portal user ${portalUserId}; it may authenticate from anywhere, and use new tokens only from 2001:db8::/32`,
        metadata: {
          authorize_networks: '',
          token_networks: '2001:db8::/32',
          actor: 'portal_user',
          actor_id: portalUserId,
        },
      },
    ],
    [
      'ApiUserKeyAdded',
      { apiUserId, key: { kid: 'k1', alg: 'Ed25519', jwk: { kty: 'OKP', crv: 'Ed25519', x: 'AA' } }, actor: owner },
      {
        eventType: 'api_user.key_add',
        userId: apiUserId,
        description: `A public key (Ed25519) of API user ${apiUserId} was registered by portal user ${portalUserId}`,
        metadata: { kid: 'k1', alg: 'Ed25519', actor: 'portal_user', actor_id: portalUserId },
      },
    ],
    [
      'ApiUserKeyRemoved',
      { apiUserId, kid: 'k1', actor: owner },
      {
        eventType: 'api_user.key_remove',
        userId: apiUserId,
        description: `A public key of API user ${apiUserId} was removed by portal user ${portalUserId}`,
        metadata: { kid: 'k1', actor: 'portal_user', actor_id: portalUserId },
      },
    ],
  ] as const)('%s', (name, data, expected) => {
    expect(identity(name, data)).toMatchObject({
      outcome: 'success',
      customerId,
      occurredAt: '2026-11-23T07:00:00.000Z',
      correlationId: 'order-7',
      ...expected,
    });
  });

  const role = { id: roleId, name: 'Billing' };
  const other = { id: '0198a1de-0000-7000-8000-000000000004', name: 'Support' };
  const person = { portalUserId, actor: owner };
  const permissions = ['can_use_agent'];
  // “Event types in use: `user.add`, `user.delete`, `user.role_change` (only when the role really differs), `role.add`,
  // `role.delete`, `role.reassign_and_delete` (source, target, number of users moved), `prompt.create`, …”
  it.each([
    ['user.add', 'PortalUserInvited', { ...person, owner: false, role }, { role_id: roleId }],
    ['user.delete', 'PortalUserDeleted', person, { actor_id: portalUserId }],
    [
      'user.role_change',
      'PortalUserRoleChanged',
      { ...person, from: role, to: other },
      { from_role_id: roleId, to_role_id: other.id },
    ],
    ['role.add', 'RoleAdded', { roleId, name: 'Billing', permissions, actor: owner }, { role_id: roleId }],
    ['role.delete', 'RoleDeleted', { roleId, name: 'Billing', usersMoved: 0, actor: owner }, { role_id: roleId }],
    [
      'role.reassign_and_delete',
      'RoleDeleted',
      { roleId, name: 'Billing', reassignedTo: other, usersMoved: 7, actor: owner },
      { role_id: roleId, target_role_id: other.id, users_moved: 7 },
    ],
    ['second_factor.reset', 'PortalUserSecondFactorReset', person, { actor_id: portalUserId }],
  ] as const)('“Event types in use”: %s', (eventType, name, data, metadata) => {
    const entry = identity(name, data);
    expect(entry).toMatchObject({ eventType, metadata });
    expect(entry.description).toMatch(
      /^(Portal user|The role of portal user|The second factor of|Role) .+ by portal user /,
    );
  });

  it('holds neither the username nor the label of an API user', () => {
    const role = { id: roleId, name: 'r' };
    const entry = identity('ApiUserCreated', {
      apiUserId,
      username: 'u-n-a-m-e',
      label: 'l-a-b-e-l',
      role,
      actor: owner,
    });
    expect(JSON.stringify(entry)).not.toMatch(/u-n-a-m-e|l-a-b-e-l/);
  });

  it('has the same id and time each time, with the time cut to milliseconds in UTC', () => {
    const data = { portalUserId };
    const changes = { time: '2026-11-23T09:00:00.123456+02:00', id: 'not-a-uuid' };
    const first = identity('PortalUserSignedIn', data, changes);
    expect(first.occurredAt).toBe('2026-11-23T07:00:00.123Z');
    expect(first.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(identity('PortalUserSignedIn', data, changes)).toEqual(first);
    expect(identity('PortalUserSignedIn', data, { ...changes, id: 'another' }).id).not.toBe(first.id);
  });

  // S10
  it('stays on one line, whatever a name contains', () => {
    const name = 'Evil\r\n\u001b[31m\u202eCorp\0';
    const { description } = identity('CustomerProvisioned', { name, ownerId: portalUserId, actor: owner });
    expect(description).toContain('"Evil   [31m Corp "');
  });
});

describe('what an event of the token service becomes', () => {
  it.each([
    ['inactive', 'refuses'],
    ['active', 'accepts'],
  ])('%s', (state, word) => {
    const type = tokenEvents.wireType('ApiUserAuthorizationApplied');
    const data = { apiUserId, customerId, sequence: 9, state, appliedAt: '2026-11-23T07:00:00.500Z' };
    expect(describeTokenEvent(tokenEvents.read(record(type, data)))).toMatchObject({
      eventType: 'api_user.authorization_applied',
      userId: apiUserId,
      description: `Every authorize now goes by the last change of API user ${apiUserId}, and ${word} it`,
      metadata: { state, sequence: 9, applied_at: '2026-11-23T07:00:00.500Z' },
    });
  });
});

describe('who did it', () => {
  it('is the portal user who made a change, signed in or was refused, and nobody where an application called', () => {
    const actorId = (entry: { actorId: string | null } | undefined) => entry?.actorId;
    const byOwner = { portalUserId: apiUserId, owner: false, actor: owner } as const;
    expect(actorId(identity('PortalUserRegistered', byOwner))).toBe(portalUserId);
    expect(actorId(identity('PortalUserSignedIn', { portalUserId }))).toBe(portalUserId);
    expect(actorId(identity('PortalUserSignInFailed', { portalUserId, reason: 'inactive' }))).toBeNull();
    expect(actorId(describeCall({ apiUserId: undefined, portalUserId }))).toBe(portalUserId);
    expect(actorId(describeCall({ portalUserId }))).toBeNull();
  });
});

// “Ours add `api_user.create`, `api_user.deactivate`, `api_user.reactivate`, `api.authorize`, `api.call`, `session.*`,
// `activity.export`.” Those of API users stand above.
describe('what a call becomes', () => {
  // “No prompt content, no bodies, no personal data: the fact and the identifiers needed to cross-reference.”
  it('an entry with the facts of the call and nothing else', () => {
    expect(describeCall({ tokenId: 'jti-1', tokenExpiresAt: 1795503600 })).toEqual({
      id: expect.stringMatching(/^0198a1de-dddd-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/) as string,
      customerId,
      userId: apiUserId,
      actorId: null,
      eventType: 'api.authorize',
      occurredAt: call.at,
      outcome: 'success',
      description: `API user ${apiUserId} was authorized, until 2026-11-24T07:00:00.000Z`,
      metadata: {
        service: 'token',
        route: 'POST /api/v1/authorize',
        status: 200,
        duration_ms: 1.235,
        ip: '10.0.0.1',
        user_agent: 'billing/1.0',
        token_id: 'jti-1',
        token_expires_at: 1795503600,
      },
      correlationId: 'order-7',
    });
  });

  it.each([
    [
      { outcome: 'refused', status: 401, reason: 'api-user.inactive' },
      { eventType: 'api.authorize', description: `Authorize refused for API user ${apiUserId}: it is inactive` },
    ],
    [
      { outcome: 'refused', status: 401, reason: 'api-user.unknown', apiUserId: undefined },
      { userId: null, description: 'Authorize refused: the username is unknown' },
    ],
    [
      { outcome: 'failed', status: 503, reason: 'view.stale', apiUserId: undefined },
      { outcome: 'failed', description: 'Authorize failed: it was not certain who may authorize' },
    ],
    [
      { route: 'POST /oauth2/token', outcome: 'refused', status: 400, reason: 'oauth.invalid_scope' },
      {
        eventType: 'api.authorize',
        description: `Authorize refused for API user ${apiUserId}: it asked for more than its role permits`,
      },
    ],
    [
      { route: 'POST /api/v1/infer' },
      { eventType: 'api.call', description: `API user ${apiUserId} called POST /api/v1/infer` },
    ],
    [
      { route: 'POST /api/v1/infer', outcome: 'refused', status: 403, reason: 'spec.foreign' },
      { description: `POST /api/v1/infer refused for API user ${apiUserId}: spec.foreign` },
    ],
    [
      { route: 'GET /api/v1/users', outcome: 'refused', status: 403, apiUserId: undefined, portalUserId },
      {
        userId: portalUserId,
        description: `GET /api/v1/users refused for portal user ${portalUserId} with status 403`,
      },
    ],
    [
      { route: 'GET /api/v1/me', outcome: 'refused', status: 401, reason: 'session.required', apiUserId: undefined },
      { userId: null, description: 'GET /api/v1/me refused for an unidentified caller: there is no valid session' },
    ],
    [
      { route: 'POST /api/v1/hand-overs/:id/open', outcome: 'refused', status: 410, reason: 'hand-over.expired' },
      {
        eventType: 'hand_over.open_failed',
        userId: apiUserId,
        description: `A hand-over link for the credentials of API user ${apiUserId} did not open: it had expired`,
      },
    ],
    [
      { ...SIGN_IN, portalUserId, reason: 'session.wrong-code' },
      {
        eventType: 'session.sign_in_failed',
        userId: portalUserId,
        actorId: null,
        outcome: 'refused',
        description: `Sign-in refused for portal user ${portalUserId}: the code is wrong`,
      },
    ],
    [
      { ...SIGN_IN, status: 429, portalUserId, reason: 'session.throttled' },
      {
        eventType: 'session.sign_in_failed',
        description: `Sign-in refused for portal user ${portalUserId}: there were too many attempts`,
      },
    ],
    [
      { ...SIGN_IN, reason: 'session.unknown-address' },
      { userId: null, description: 'Sign-in refused for an unidentified caller: the address is unknown' },
    ],
    [
      { ...SIGN_IN, portalUserId, reason: 'session.second-factor-required' },
      {
        eventType: 'session.code_required',
        description: `Portal user ${portalUserId} was asked for a code to sign in`,
      },
    ],
  ])('%j', (changes, expected) => {
    expect(describeCall(changes)).toMatchObject(expected);
  });

  // S10
  it('a user agent on one line and of bounded length', () => {
    const agent = describeCall({ userAgent: `a\r\nb${'c'.repeat(1000)}` })?.metadata.user_agent;
    expect(agent).toMatch(/^a {2}bc+$/);
    expect(String(agent)).toHaveLength(256);
  });

  it('one entry for each call of a record', () => {
    const data = { customerId, calls: [call, { ...call, id: '0198a1de-dddd-7000-8000-000000000002' }] };
    const event = callEvents.read(record(callEvents.wireType('ApiCallRecorded'), data));
    expect(new Set(describeCalls(event, 'token').map(({ id }) => id)).size).toBe(2);
    expect(describeCalls(event, 'token')).toEqual(describeCalls(event, 'token'));
    expect(describeFormerCalls(event).map(({ id }) => id.at(-1))).toEqual(['1', '2']);
  });

  it('a call of the service that wrote it, with an id that no other writer can give an entry', () => {
    const of = (writer: string) => describeCall({ service: 'token' }, writer);
    expect(of('billing')?.metadata.service).toBe('billing');
    expect(new Set([call.id, ...['token', 'billing', 'inference'].map((writer) => of(writer)?.id)]).size).toBe(4);
  });

  it.each(Object.keys(ANSWERED_BY))('a call like any other when another service says %s', (route) => {
    const entry = describeCall({ route, tokenExpiresAt: 1795503600 }, 'billing');
    expect(entry).toMatchObject({ eventType: 'api.call', metadata: { service: 'billing' } });
    expect(usageOf(entry === undefined ? [] : [entry]).toJSON().tokens).toEqual([]);
  });
});

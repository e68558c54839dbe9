import { identityEvents, type Actor, type IdentityEventData } from '@rebelcore/contracts/identity-events';
import { eventCodec, Refused, type Aggregate, type Decision, type EventOf } from '@rebelcore/event-store/aggregate';

const events = {
  ApiUserCreated: { schema: identityEvents.schemas.ApiUserCreated },
  ApiUserDeactivated: { schema: identityEvents.schemas.ApiUserDeactivated },
  ApiUserReactivated: { schema: identityEvents.schemas.ApiUserReactivated },
  ApiUserRoleChanged: { schema: identityEvents.schemas.ApiUserRoleChanged },
};

/** What is kept of the password: it goes to the token service and to a private table, never into an event. */
export interface Credential {
  readonly pepperVersion: string;
  readonly verifier: string;
}

export type ApiUserEvent = EventOf<typeof events, { ApiUserCreated: Credential }>;

/**
 * `role` is the last one that an event of its own gave it. When that role was deleted since, its users were moved to
 * another one by the event of the role alone: who needs the present role asks `Roles`.
 */
export type ApiUser =
  | { readonly status: 'none' }
  | ({ readonly status: 'active' | 'inactive' } & Pick<
      IdentityEventData<'ApiUserCreated'>,
      'apiUserId' | 'customerId' | 'username' | 'role' | 'label' | 'replaces'
    >);

export const apiUser: Aggregate<ApiUser, ApiUserEvent> = {
  type: 'api-user',
  initial: { status: 'none' },
  evolve: (state, event) => {
    switch (event.type) {
      case 'ApiUserCreated': {
        const { apiUserId, customerId, username, role, label, replaces } = event.data;
        return { status: 'active', apiUserId, customerId, username, role, label, replaces };
      }
      case 'ApiUserDeactivated':
        return state.status === 'none' ? state : { ...state, status: 'inactive' };
      case 'ApiUserReactivated':
        return state.status === 'none' ? state : { ...state, status: 'active' };
      case 'ApiUserRoleChanged':
        return state.status === 'none' ? state : { ...state, role: event.data.to };
    }
  },
  codec: eventCodec(events),
};

export type Mint = IdentityEventData<'ApiUserCreated'>;

/**
 * @param replaced the API user that this one is meant to take over from, when it names one, with the role it has now:
 *   rotation keeps the role
 */
export const mint =
  (request: Mint, credential: Credential, replaced?: ApiUser): Decision<ApiUser, ApiUserEvent> =>
  (state) => {
    if (state.status !== 'none') return [];
    if (request.replaces !== undefined) {
      if (replaced === undefined || replaced.status === 'none') {
        throw new Refused('api-user.replaces-unknown', 'replaces: is not an API user of this customer');
      }
      if (replaced.role.id !== request.role.id) {
        throw new Refused('api-user.replaces-other-role', 'replaces: has another role; a replacement keeps the role');
      }
    }
    return [{ type: 'ApiUserCreated', data: request, confidential: credential }];
  };

export const deactivate =
  (by: Actor): Decision<ApiUser, ApiUserEvent> =>
  (state) => {
    switch (state.status) {
      case 'none':
        throw unknown();
      case 'inactive':
        return [];
      case 'active':
        return [{ type: 'ApiUserDeactivated', data: fact(state, by) }];
    }
  };

export const reactivate =
  (by: Actor): Decision<ApiUser, ApiUserEvent> =>
  (state) => {
    switch (state.status) {
      case 'none':
        throw unknown();
      case 'active':
        return [];
      case 'inactive':
        return [{ type: 'ApiUserReactivated', data: fact(state, by) }];
    }
  };

type Role = Mint['role'];

/**
 * @param from the role it has now, undefined where there is no such user
 */
export const changeRole =
  (from: Role | undefined, to: Role, by: Actor): Decision<ApiUser, ApiUserEvent> =>
  (state) => {
    if (state.status === 'none' || from === undefined) throw unknown();
    return from.id === to.id ? [] : [{ type: 'ApiUserRoleChanged', data: { ...fact(state, by), from, to } }];
  };

/** What a repeated Idempotency-Key must ask for again. */
export interface MintRequest {
  readonly roleId: string;
  readonly label: string | undefined;
  readonly replaces: string | undefined;
}

export const isRequestOf = (minted: Mint, { roleId, label, replaces }: MintRequest): boolean =>
  minted.role.id === roleId && minted.label === label && minted.replaces === replaces;

const unknown = () => new Refused('user.unknown', 'There is no such user.');
const fact = (state: Exclude<ApiUser, { status: 'none' }>, actor: Actor) => ({
  apiUserId: state.apiUserId,
  customerId: state.customerId,
  actor,
});

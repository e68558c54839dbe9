import { identityEvents, type Actor, type IdentityEventData } from '@rebelcore/contracts/identity-events';
import { eventCodec, Refused, type Aggregate, type Decision, type EventOf } from '@rebelcore/event-store/aggregate';

const events = {
  ApiUserCreated: { schema: identityEvents.schemas.ApiUserCreated },
  ApiUserDeactivated: { schema: identityEvents.schemas.ApiUserDeactivated },
  ApiUserReactivated: { schema: identityEvents.schemas.ApiUserReactivated },
};

/** What is kept of the password: it goes to the token service and to a private table, never into an event. */
export interface Credential {
  readonly pepperVersion: string;
  readonly verifier: string;
}

export type ApiUserEvent = EventOf<typeof events, { ApiUserCreated: Credential }>;

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
    }
  },
  codec: eventCodec(events),
};

export type Mint = IdentityEventData<'ApiUserCreated'>;

/**
 * @param replaced the API user that this one is meant to take over from, when it names one: rotation keeps the role
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

/** What a repeated Idempotency-Key must ask for again. */
export interface MintRequest {
  readonly roleId: string;
  readonly label: string | undefined;
  readonly replaces: string | undefined;
}

export function isRequestOf(state: ApiUser, request: MintRequest): boolean {
  if (state.status === 'none') return false;
  return state.role.id === request.roleId && state.label === request.label && state.replaces === request.replaces;
}

const unknown = () => new Refused('user.unknown', 'There is no such user.');
const fact = (state: Exclude<ApiUser, { status: 'none' }>, actor: Actor) => ({
  apiUserId: state.apiUserId,
  customerId: state.customerId,
  actor,
});

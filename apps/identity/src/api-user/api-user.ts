import { MAX_CLIENT_KEYS, type ClientKey } from '@rebelcore/contracts/client-key';
import { identityEvents, type Actor, type IdentityEventData } from '@rebelcore/contracts/identity-events';
import { eventCodec, Refused, type Aggregate, type Decision, type EventOf } from '@rebelcore/event-store/aggregate';

const events = {
  ApiUserCreated: { schema: identityEvents.schemas.ApiUserCreated },
  ApiUserDeactivated: { schema: identityEvents.schemas.ApiUserDeactivated },
  ApiUserReactivated: { schema: identityEvents.schemas.ApiUserReactivated },
  ApiUserKeyAdded: { schema: identityEvents.schemas.ApiUserKeyAdded },
  ApiUserKeyRemoved: { schema: identityEvents.schemas.ApiUserKeyRemoved },
  ApiUserNetworksChanged: { schema: identityEvents.schemas.ApiUserNetworksChanged },
  ApiUserRoleChanged: { schema: identityEvents.schemas.ApiUserRoleChanged },
};

/** What is kept of the password: it goes to the token service and to a private table, never into an event. */
export interface Credential {
  readonly pepperVersion: string;
  readonly verifier: string;
}

export type ApiUserEvent = EventOf<typeof events, { ApiUserCreated: Credential }>;

/** Networks in their one usual spelling, `10.0.0.0/8`; no network for anywhere. */
export interface Confinement {
  /** From where alone its credentials are accepted. */
  readonly authorize: readonly string[];
  /** From where alone the tokens that it is issued from now on are accepted. */
  readonly token: readonly string[];
}

/**
 * `role` is the last one that an event of its own gave it. When that role was deleted since, its users were moved to
 * another one by the event of the role alone: who needs the present role asks `Roles`.
 */
export type ApiUser =
  | { readonly status: 'none' }
  | ({
      readonly status: 'active' | 'inactive';
      /** Its password was found in the open. */
      readonly leaked: boolean;
      /** By which it may prove who it is, oldest first. */
      readonly keys: readonly ClientKey[];
      readonly confinement: Confinement;
    } & Pick<
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
        const confinement = confinementOf(event.data);
        const told = { apiUserId, customerId, username, role, label, replaces };
        return { status: 'active', leaked: false, ...told, keys: [], confinement };
      }
      case 'ApiUserDeactivated':
        return state.status === 'none'
          ? state
          : { ...state, status: 'inactive', leaked: state.leaked || event.data.reason === 'leaked' };
      case 'ApiUserReactivated':
        return state.status === 'none' ? state : { ...state, status: 'active' };
      case 'ApiUserKeyAdded':
        return state.status === 'none' ? state : { ...state, keys: [...state.keys, event.data.key] };
      case 'ApiUserKeyRemoved': {
        const { kid } = event.data;
        return state.status === 'none' ? state : { ...state, keys: state.keys.filter((key) => key.kid !== kid) };
      }
      case 'ApiUserNetworksChanged':
        return state.status === 'none' ? state : { ...state, confinement: confinementOf(event.data) };
      case 'ApiUserRoleChanged':
        return state.status === 'none' ? state : { ...state, role: event.data.to };
    }
  },
  codec: eventCodec(events),
};

export type Mint = IdentityEventData<'ApiUserCreated'>;

const confinementOf = ({
  authorizeNetworks = [],
  tokenNetworks = [],
}: Pick<Mint, 'authorizeNetworks' | 'tokenNetworks'>): Confinement => ({
  authorize: authorizeNetworks,
  token: tokenNetworks,
});

/** As the event of a mint tells it: nothing where it is confined to none. */
export const confinementTold = ({ authorize, token }: Confinement) => ({
  ...(authorize.length > 0 && { authorizeNetworks: [...authorize] }),
  ...(token.length > 0 && { tokenNetworks: [...token] }),
});

/**
 * @param keys public keys by which it may prove who it is from the beginning
 * @param replaced the API user that this one is meant to take over from, when it names one, with the role it has now:
 *   rotation keeps the role
 */
export const mint =
  (
    request: Omit<Mint, 'keys'>,
    credential: Credential,
    keys: readonly ClientKey[] = [],
    replaced?: ApiUser,
  ): Decision<ApiUser, ApiUserEvent> =>
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
    const kids = keys.map(({ kid }) => kid);
    if (new Set(kids).size < kids.length) throw new Refused('api-user.key-twice', 'public_keys: must differ');
    const data = { ...request, ...(kids.length > 0 && { keys: kids }) };
    const { apiUserId, customerId, actor } = request;
    return [
      { type: 'ApiUserCreated', data, confidential: credential },
      ...keys.map((key) => ({ type: 'ApiUserKeyAdded' as const, data: { apiUserId, customerId, actor, key } })),
    ];
  };

/** One that is there already is no event, so that a request may be repeated. */
export const addKey =
  (key: ClientKey, by: Actor): Decision<ApiUser, ApiUserEvent> =>
  (state) => {
    if (state.status === 'none') throw unknown();
    if (state.keys.some(({ kid }) => kid === key.kid)) return [];
    if (state.keys.length >= MAX_CLIENT_KEYS) {
      const message = `There are ${String(MAX_CLIENT_KEYS)} keys already; remove the one that is no longer used.`;
      throw new Refused('api-user.too-many-keys', message);
    }
    return [{ type: 'ApiUserKeyAdded', data: { ...fact(state, by), key } }];
  };

export const removeKey =
  (kid: string, by: Actor): Decision<ApiUser, ApiUserEvent> =>
  (state) => {
    if (state.status === 'none') throw unknown();
    if (!state.keys.some((key) => key.kid === kid)) {
      throw new Refused('api-user.key-unknown', 'There is no such key.');
    }
    return [{ type: 'ApiUserKeyRemoved', data: { ...fact(state, by), kid } }];
  };

/** The order of a list says nothing, so that another one is no change. */
export const confine =
  (to: Confinement, by: Actor): Decision<ApiUser, ApiUserEvent> =>
  (state) => {
    if (state.status === 'none') throw unknown();
    const { authorize, token } = state.confinement;
    if (isSame(authorize, to.authorize) && isSame(token, to.token)) return [];
    const data = { ...fact(state, by), authorizeNetworks: [...to.authorize], tokenNetworks: [...to.token] };
    return [{ type: 'ApiUserNetworksChanged', data }];
  };

const isSame = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((network) => other.includes(network));

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

/** Its password is known: switched off for good, also where it was off already. */
export const reportLeak =
  (by: Actor): Decision<ApiUser, ApiUserEvent> =>
  (state) => {
    if (state.status === 'none') throw unknown();
    return state.leaked ? [] : [{ type: 'ApiUserDeactivated', data: { ...fact(state, by), reason: 'leaked' } }];
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
        if (state.leaked)
          throw new Refused('api-user.leaked', 'Its password has leaked: it stays switched off for good.');
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
  readonly keys: readonly ClientKey[];
  readonly confinement: Confinement;
}

export const isRequestOf = (minted: Mint, { roleId, label, replaces, keys, confinement }: MintRequest): boolean =>
  minted.role.id === roleId &&
  minted.label === label &&
  minted.replaces === replaces &&
  (minted.keys ?? []).join() === keys.map(({ kid }) => kid).join() &&
  isSame(minted.authorizeNetworks ?? [], confinement.authorize) &&
  isSame(minted.tokenNetworks ?? [], confinement.token);

const unknown = () => new Refused('user.unknown', 'There is no such user.');
const fact = (state: Exclude<ApiUser, { status: 'none' }>, actor: Actor) => ({
  apiUserId: state.apiUserId,
  customerId: state.customerId,
  actor,
});

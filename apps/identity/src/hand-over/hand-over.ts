import { identityEvents, type Actor, type IdentityEventData } from '@rebelcore/contracts/identity-events';
import { eventCodec, Refused, type Aggregate, type Decision, type EventOf } from '@rebelcore/event-store/aggregate';
import type { ApiUser } from '../api-user/api-user.js';

const events = {
  HandOverCreated: { schema: identityEvents.schemas.HandOverCreated },
  HandOverOpened: { schema: identityEvents.schemas.HandOverOpened },
  HandOverWithdrawn: { schema: identityEvents.schemas.HandOverWithdrawn },
};

/** What waits behind the link: encrypted in the browser of whoever made it, under a key that is in the link alone. */
export interface HandedOver {
  readonly ciphertext: string;
}

/** From where it was opened: shown to whoever made the link, and in no event. */
export interface Opener {
  readonly ip: string;
}

export type HandOverEvent = EventOf<typeof events, { HandOverCreated: HandedOver; HandOverOpened: Opener }>;

export type HandOver =
  | { readonly status: 'none' }
  | ({ readonly status: 'waiting' | 'opened' | 'withdrawn' } & Pick<
      IdentityEventData<'HandOverCreated'>,
      'handOverId' | 'apiUserId' | 'customerId' | 'expiresAt'
    >);

/**
 * Why a link does not open. Whoever tries it is told as well: only who holds the link can ask, and has to know whether
 * somebody else may have the credentials.
 */
export type Gone = 'hand-over.opened' | 'hand-over.withdrawn' | 'hand-over.expired';

export const handOver: Aggregate<HandOver, HandOverEvent> = {
  type: 'hand-over',
  initial: { status: 'none' },
  evolve: (state, event) => {
    switch (event.type) {
      case 'HandOverCreated': {
        const { handOverId, apiUserId, customerId, expiresAt } = event.data;
        return { status: 'waiting', handOverId, apiUserId, customerId, expiresAt };
      }
      case 'HandOverOpened':
        return state.status === 'none' ? state : { ...state, status: 'opened' };
      case 'HandOverWithdrawn':
        return state.status === 'none' ? state : { ...state, status: 'withdrawn' };
    }
  },
  codec: eventCodec(events),
};

/** @param whose the API user whose credentials wait */
export const create =
  (
    request: IdentityEventData<'HandOverCreated'>,
    handedOver: HandedOver,
    whose: ApiUser,
  ): Decision<HandOver, HandOverEvent> =>
  (state) => {
    if (whose.status === 'none') throw new Refused('user.unknown', 'There is no such user.');
    if (state.status !== 'none') return [];
    return [{ type: 'HandOverCreated', data: request, confidential: handedOver }];
  };

/** Once, and within its time. */
export const open =
  (at: Date, opener: Opener): Decision<HandOver, HandOverEvent> =>
  (state) => {
    if (state.status === 'none') throw unknown();
    const gone = goneAt(state, at);
    if (gone !== undefined) throw new Refused(gone, 'This link no longer opens.');
    return [{ type: 'HandOverOpened', data: fact(state), confidential: opener }];
  };

/** Why the link does not open at that moment; undefined while it does. */
export function goneAt(state: Exclude<HandOver, { status: 'none' }>, at: Date): Gone | undefined {
  switch (state.status) {
    case 'opened':
      return 'hand-over.opened';
    case 'withdrawn':
      return 'hand-over.withdrawn';
    case 'waiting':
      return at.getTime() < Date.parse(state.expiresAt) ? undefined : 'hand-over.expired';
  }
}

export const withdraw =
  (by: Actor): Decision<HandOver, HandOverEvent> =>
  (state) => {
    switch (state.status) {
      case 'none':
        throw unknown();
      case 'opened':
        throw new Refused('hand-over.opened', 'This link has been opened already.');
      case 'withdrawn':
        return [];
      case 'waiting':
        return [{ type: 'HandOverWithdrawn', data: { ...fact(state), actor: by } }];
    }
  };

const unknown = () => new Refused('hand-over.unknown', 'There is no such link.');
const fact = ({ handOverId, apiUserId, customerId }: Exclude<HandOver, { status: 'none' }>) => ({
  handOverId,
  apiUserId,
  customerId,
});

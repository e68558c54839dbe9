import { specify } from '@rebelcore/testing/given-when-then';
import type { ApiUser } from '../api-user/api-user.js';
import { create, goneAt, handOver, open, withdraw, type HandOverEvent } from './hand-over.js';

const handOverId = '0198a1de-eeee-7000-8000-000000000001';
const apiUserId = '0198a1de-aaaa-7000-8000-000000000001';
const customerId = '0198a1de-bbbb-7000-8000-000000000001';
const by = { kind: 'portal_user' as const, id: '0198a1de-cccc-7000-8000-000000000001' };
const expiresAt = '2026-11-27T12:00:00.000Z';
const inTime = new Date('2026-11-27T11:59:59.999Z');
const tooLate = new Date(expiresAt);
const request = { handOverId, apiUserId, customerId, expiresAt, actor: by };
const fact = { handOverId, apiUserId, customerId };
const whose: ApiUser = {
  status: 'active',
  leaked: false,
  apiUserId,
  customerId,
  username: 'u',
  role: { id: customerId, name: 'Agent' },
  label: undefined,
  replaces: undefined,
  keys: [],
  confinement: { authorize: [], token: [] },
};
const handedOver = { ciphertext: 'AAAA' };
const ip = { ip: '192.0.2.1' };

const created: HandOverEvent = { type: 'HandOverCreated', data: request, confidential: handedOver };
const opened: HandOverEvent = { type: 'HandOverOpened', data: fact, confidential: ip };
const withdrawn: HandOverEvent = { type: 'HandOverWithdrawn', data: { ...fact, actor: by } };
const { given } = specify(handOver);

describe('making a hand-over link', () => {
  it('records whose credentials wait and till when, with the ciphertext beside the event', () => {
    given([])
      .when(create(request, handedOver, whose))
      .then([created]);
    expect(JSON.stringify(handOver.codec.encode(created))).not.toContain(handedOver.ciphertext);
  });

  it('happens once', () => {
    given([created])
      .when(create(request, handedOver, whose))
      .thenNothing();
  });

  it('is refused for an unknown API user', () => {
    given([])
      .when(create(request, handedOver, { status: 'none' }))
      .thenRefused('user.unknown');
  });
});

describe('opening it', () => {
  it('succeeds once within its time, with the address beside the event', () => {
    given([created]).when(open(inTime, ip)).then([opened]);
    expect(JSON.stringify(handOver.codec.encode(opened))).not.toContain(ip.ip);
  });

  it('is refused when it was opened or withdrawn, when its time is over, and when there is none', () => {
    given([created, opened]).when(open(inTime, ip)).thenRefused('hand-over.opened');
    given([created, withdrawn]).when(open(inTime, ip)).thenRefused('hand-over.withdrawn');
    given([created]).when(open(tooLate, ip)).thenRefused('hand-over.expired');
    given([]).when(open(inTime, ip)).thenRefused('hand-over.unknown');
  });

  it('tells an opened one from an expired one however late it is', () => {
    const state = given([created, opened]).state();
    expect(state.status === 'none' ? undefined : goneAt(state, tooLate)).toBe('hand-over.opened');
  });
});

describe('withdrawing it', () => {
  it('is recorded with who did it, once', () => {
    given([created]).when(withdraw(by)).then([withdrawn]);
    given([created, withdrawn]).when(withdraw(by)).thenNothing();
  });

  it('is refused when it was opened, and when there is none', () => {
    given([created, opened]).when(withdraw(by)).thenRefused('hand-over.opened');
    given([]).when(withdraw(by)).thenRefused('hand-over.unknown');
  });
});

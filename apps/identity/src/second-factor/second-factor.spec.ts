import { specify } from '@rebelcore/testing/given-when-then';
import { portalUser, type Enrolment, type PortalUserEvent } from '../portal-user/portal-user.js';
import { enrol, judgeCode, renewRecoveryCodes, reset, waitBeforeCode } from './second-factor.js';

const whose = {
  portalUserId: '0198a1de-cccc-7000-8000-000000000001',
  customerId: '0198a1de-bbbb-7000-8000-000000000001',
};
const operator = { kind: 'operator' } as const;
const owner = { kind: 'portal_user', id: '0198a1de-cccc-7000-8000-000000000002' } as const;
const enrolment: Enrolment = {
  sealedSecret: new Uint8Array(48),
  step: 59_000_000,
  recoveryCodeHashes: [],
  sessionId: '0198a1de-dddd-7000-8000-000000000001',
  sessionTokenHash: Buffer.from('hash of the token'),
};
const registered = (isOwner: boolean): PortalUserEvent => ({
  type: 'PortalUserRegistered',
  data: { ...whose, owner: isOwner, actor: operator },
});
const enrolled: PortalUserEvent = { type: 'PortalUserSecondFactorEnrolled', data: whose, confidential: enrolment };
const resetBy = (actor: typeof operator | typeof owner): PortalUserEvent => ({
  type: 'PortalUserSecondFactorReset',
  data: { ...whose, actor },
});
const { given } = specify(portalUser);

describe('a second factor', () => {
  it('is enrolled, its secret beside the event', () => {
    given([registered(false)])
      .when(enrol(whose, enrolment))
      .then([enrolled]);
    expect(JSON.stringify(portalUser.codec.encode(enrolled))).not.toMatch(/secret|recovery|session/i);
  });

  it('is enrolled once, until it is reset', () => {
    given([registered(false), enrolled])
      .when(enrol(whose, enrolment))
      .thenRefused('second-factor.enrolled');
    given([registered(false), enrolled, resetBy(owner)])
      .when(enrol(whose, enrolment))
      .then([enrolled]);
  });

  it('has other recovery codes whenever they are asked for, beside the event, and only while it is enrolled', () => {
    const codes = [Buffer.from('hash of a code')];
    const renewed = {
      type: 'PortalUserRecoveryCodesRenewed',
      data: whose,
      confidential: { recoveryCodeHashes: codes },
    } as const;
    given([registered(false), enrolled])
      .when(renewRecoveryCodes(whose, codes))
      .then([renewed]);
    given([registered(false), enrolled, renewed])
      .when(renewRecoveryCodes(whose, codes))
      .then([renewed]);
    expect(JSON.stringify(portalUser.codec.encode(renewed))).not.toMatch(/hash|codes":/i);
    for (const history of [[registered(false)], [registered(false), enrolled, resetBy(owner)]]) {
      given(history).when(renewRecoveryCodes(whose, codes)).thenRefused('second-factor.not-enrolled');
    }
    given([]).when(renewRecoveryCodes(whose, codes)).thenRefused('user.unknown');
  });

  it('is nobody’s who is not there', () => {
    given([]).when(enrol(whose, enrolment)).thenRefused('user.unknown');
    given([]).when(reset(whose, operator)).thenRefused('user.unknown');
  });

  it('of a person is reset by the Super Admin, once', () => {
    given([registered(false), enrolled])
      .when(reset(whose, owner))
      .then([resetBy(owner)]);
    given([registered(false), enrolled, resetBy(owner)])
      .when(reset(whose, owner))
      .thenNothing();
    given([registered(false)])
      .when(reset(whose, owner))
      .thenNothing();
  });

  it('of the Super Admin is reset by the operator alone', () => {
    given([registered(true), enrolled])
      .when(reset(whose, owner))
      .thenRefused('portal-user.is-owner');
    given([registered(true), enrolled])
      .when(reset(whose, operator))
      .then([resetBy(operator)]);
  });
});

describe('a code', () => {
  const history = { lastStep: 100, wrongCodes: 0, lastWrongAt: undefined };

  it('is accepted when its step is later than the last accepted one, and never a second time', () => {
    expect(judgeCode(history, 101)).toBe('accepted');
    expect(judgeCode(history, 100)).toBe('used');
    expect(judgeCode(history, 99)).toBe('used');
    expect(judgeCode(history, undefined)).toBe('wrong');
  });

  const at = new Date('2026-11-27T12:00:00Z');
  it.each([
    [4, 0, 0],
    [5, 0, 30],
    [5, 29.5, 1],
    [5, 30, 0],
    [6, 0, 60],
    [8, 0, 240],
    [12, 0, 3_600],
    [2_000, 0, 3_600],
  ])('after %d wrong ones, %d s ago, waits %d s', (wrongCodes, agoS, waitS) => {
    const now = new Date(at.getTime() + agoS * 1000);
    expect(waitBeforeCode({ ...history, wrongCodes, lastWrongAt: at }, now)).toBe(waitS);
  });
});

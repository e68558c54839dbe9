import type { Call } from '@rebelcore/contracts/call-events';
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { foldRefusals } from './fold-refusals.js';

const apiUserId = '0198a1de-aaaa-7000-8000-000000000001';
const refused = (change: Partial<Call> = {}): Call => ({
  id: randomUUID(),
  at: '2026-11-23T07:00:00.000Z',
  service: 'token',
  route: 'POST /api/v1/authorize',
  status: 401,
  outcome: 'refused',
  reason: 'api-user.wrong-password',
  durationMs: 1,
  ip: '192.0.2.1',
  userAgent: 'curl',
  correlationId: randomUUID(),
  apiUserId,
  ...change,
});
const at = (second: number) => `2026-11-23T07:00:0${String(second)}.000Z`;

describe('refusals of one flush', () => {
  it('of one source and name are one item that says how many there were, and when the first and the last', () => {
    const calls = [refused({ at: at(2) }), refused({ at: at(1) }), refused({ at: at(3) })];
    expect(foldRefusals(calls)).toEqual([{ ...calls[0], at: at(1), count: 3, lastAt: at(3) }]);
  });

  it.each<[string, Partial<Call>]>([
    ['source', { ip: '192.0.2.2' }],
    ['user agent', { userAgent: 'java' }],
    ['name', { apiUserId: '0198a1de-aaaa-7000-8000-000000000002' }],
    ['reason', { reason: 'api-user.inactive' }],
    ['route', { route: 'POST /oauth2/token' }],
    ['status', { status: 429 }],
    ['token', { tokenId: 'jti' }],
    ['name that the caller gives the call', { callerCorrelationId: 'order-1' }],
  ])('of another %s stay apart', (_, change) => {
    const calls = [refused(), refused(change)];
    expect(foldRefusals(calls)).toEqual(calls);
  });

  const [here, there] = [{ ip: '2001:db8:1:2::1' }, { ip: '2001:db8:1:2::2' }];
  it.each<[string, Partial<Call>, Partial<Call>]>([
    ['what the caller calls them', { callerCorrelationId: 'a' }, { callerCorrelationId: 'b' }],
    ['the user agent', { userAgent: 'a' }, { userAgent: 'b' }],
    ['the address in one network', here, there],
  ])('are told apart by %s until they are throttled', (_, one, other) => {
    expect(foldRefusals([refused(one), refused(other)])).toHaveLength(2);
    const throttled = [one, other].map((change) => refused({ status: 429, ...change }));
    expect(foldRefusals(throttled)).toMatchObject([{ ...one, count: 2 }]);
  });

  it('of another network stay apart, throttled too', () => {
    const throttled = [here, { ip: '2001:db8:1:3::1' }].map((change) => refused({ status: 429, ...change }));
    expect(foldRefusals(throttled)).toEqual(throttled);
  });

  it('leave every other call as it is', () => {
    const others = [refused({ status: 200, outcome: 'success' }), refused({ status: 403 }), refused({ status: 503 })];
    const all = [...others, ...others.map((call) => ({ ...call, id: randomUUID() })), refused()];
    expect(foldRefusals(all)).toEqual(all);
  });

  it('are as many together as there were answers, whatever came', () => {
    const anyCall = fc.record({
      status: fc.constantFrom(200, 401, 403, 429),
      ip: fc.constantFrom('192.0.2.1', '192.0.2.2'),
    });
    fc.assert(
      fc.property(fc.array(anyCall), (changes) => {
        const folded = foldRefusals(changes.map(refused));
        const counted = (status: number) =>
          folded.filter((call) => call.status === status).reduce((sum, { count = 1 }) => sum + count, 0);
        return [200, 401, 403, 429].every(
          (status) => counted(status) === changes.filter((change) => change.status === status).length,
        );
      }),
    );
  });
});

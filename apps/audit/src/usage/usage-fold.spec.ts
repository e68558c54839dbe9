import fc from 'fast-check';
import { randomUUID as uuid } from 'node:crypto';
import { usageOf, type UsedEntry } from './usage-fold.js';
import { UsageSums, type UsageSumsJson } from './usage-sums.js';

const customerId = '0198a1de-bbbb-7000-8000-000000000001';
const userId = '0198a1de-aaaa-7000-8000-000000000001';
const entry = (change: Partial<UsedEntry> = {}): UsedEntry => ({
  id: '0198a1de-dddd-7000-8000-000000000001',
  customerId,
  userId,
  actorId: null,
  eventType: 'api.call',
  occurredAt: '2026-11-23T07:59:59.123Z',
  outcome: 'success',
  metadata: { ip: '10.0.0.1', user_agent: 'java', route: 'POST /api/v1/infer' },
  ...change,
});
const parsed = (sums: UsageSums) => JSON.parse(JSON.stringify(sums)) as UsageSumsJson;
const json = (...entries: UsedEntry[]) => parsed(usageOf(entries));
const refusal = entry({
  outcome: 'refused',
  occurredAt: '2026-11-23T08:00:00.000Z',
  metadata: { ip: '10.0.0.2', user_agent: 'curl', reason: 'api-user.wrong-password' },
});

describe('what entries add to the usage of an API user', () => {
  it('counts refusals that were recorded together as many', () => {
    const many = { ...refusal, metadata: { ...refusal.metadata, count: 7 } };
    const { hours, callers } = json(many, { ...refusal, id: uuid() });
    expect([...hours, ...callers]).toMatchObject([{ refused: 8 }, { refused: 8 }]);
  });

  it('keeps successes and refusals apart, by the hour and by the caller', () => {
    const whose = { customerId, apiUserId: userId };
    expect(json(entry(), refusal, entry())).toEqual({
      users: [
        {
          ...whose,
          usedAt: entry().occurredAt,
          usedId: entry().id,
          usedIp: '10.0.0.1',
          usedAgent: 'java',
          refusedAt: refusal.occurredAt,
          refusedId: refusal.id,
          refusedIp: '10.0.0.2',
          refusedReason: 'api-user.wrong-password',
        },
      ],
      hours: [
        { ...whose, hour: '2026-11-23T07:00:00Z', calls: 2, refused: 0 },
        { ...whose, hour: '2026-11-23T08:00:00Z', calls: 0, refused: 1 },
      ],
      callers: [
        {
          ...whose,
          ip: '10.0.0.1',
          agent: 'java',
          firstAt: entry().occurredAt,
          lastAt: entry().occurredAt,
          calls: 2,
          refused: 0,
        },
        {
          ...whose,
          ip: '10.0.0.2',
          agent: 'curl',
          firstAt: refusal.occurredAt,
          lastAt: refusal.occurredAt,
          calls: 0,
          refused: 1,
        },
      ],
      tokens: [],
    });
  });

  it('counts tokens by the minute in which they expire, and no number that is no expiry', () => {
    const issued = Date.parse(entry().occurredAt) / 1000;
    const token = (token_expires_at: number, change: Partial<UsedEntry> = {}) =>
      entry({ eventType: 'api.authorize', metadata: { service: 'token', token_expires_at }, ...change });
    const expiries = [issued + 86_400.877, issued + 86_340, 0, 1e300, -1, Number.NaN];
    const { tokens } = json(...expiries.map((at) => token(at)), token(issued + 60, { outcome: 'refused' }));
    expect(tokens).toEqual([
      expect.objectContaining({ minute: '2026-11-24T08:00:00Z', tokens: 1, lastExpiry: '2026-11-24T08:00:00.000Z' }),
      expect.objectContaining({ minute: '2026-11-24T07:58:00Z', tokens: 1 }),
    ]);
  });

  it('takes a deactivation for later than the creation of the same millisecond', () => {
    const created = entry({ eventType: 'api_user.create', id: 'ffffffff-ffff-7fff-bfff-ffffffffffff' });
    const deactivated = entry({ eventType: 'api_user.deactivate' });
    for (const both of [json(created, deactivated), json(deactivated, created)]) {
      expect(both.users).toMatchObject([{ active: false, createdAt: created.occurredAt }]);
    }
  });

  it.each([
    ['what failed on our side', { outcome: 'failed' }],
    ['what a portal user was refused', { actorId: '0198a1de-cccc-7000-8000-000000000001' }],
    ['a call of nobody in particular', { userId: null }],
    ['what happened to a portal user', { eventType: 'user.deactivate' }],
  ] as const)('leaves out %s', (_, change) => {
    expect(usageOf([entry(change)]).isEmpty).toBe(true);
  });

  it('ends the same in whatever order the entries come, and however they are divided', () => {
    const at = fc.constantFrom('2026-11-23T07:00:00.000Z', '2026-11-23T08:00:00.000Z', '2026-11-23T08:00:00.001Z');
    const some = fc.array(
      fc.record({
        id: fc.uuid(),
        occurredAt: at,
        outcome: fc.constantFrom('success', 'refused'),
        eventType: fc.constantFrom('api.call', 'api_user.deactivate', 'api_user.reactivate'),
        metadata: fc.record({ ip: fc.constantFrom('10.0.0.1', '10.0.0.2'), user_agent: fc.constant('x') }),
      }),
    );
    const sorted = (usage: UsageSumsJson) =>
      Object.values(usage).map((rows: readonly object[]) =>
        rows.map((row) => JSON.stringify(Object.entries(row).sort())).sort(),
      );
    fc.assert(
      fc.property(some, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (changes, random) => {
        const entries = changes.map((change) => entry(change as Partial<UsedEntry>));
        const shuffled = entries.map((each) => [random.next().value, each] as const).sort(([a], [b]) => a - b);
        const together = new UsageSums();
        for (const part of Object.values(Object.groupBy(shuffled, ([at]) => Math.floor(at * 3)))) {
          together.addAll(json(...(part ?? []).map(([, each]) => each)));
        }
        expect(sorted(parsed(together))).toEqual(sorted(json(...entries)));
      }),
    );
  });
});

import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { authorize, endpoints, expectStatus, TestCustomer, type ApiUser } from '../support/system.js';

let busy: TestCustomer;
let other: TestCustomer;
let apiUser: ApiUser;
beforeAll(async () => {
  [busy, other] = await Promise.all([TestCustomer.provision(), TestCustomer.provision()]);
  apiUser = await other.mint();
});

/** Everything that somebody with nothing to do with it does, the emergency stop included. */
async function everybodyElseGoesOn(): Promise<void> {
  for (const to of ['deactivate', 'reactivate'] as const) {
    expectStatus(await other[to](apiUser), 200);
  }
  expectStatus(await authorize(apiUser), 200);
  for (const path of ['/api/v1/users', '/api/v1/activity?limit=1', '/api/v1/me']) {
    expectStatus(await other.owner.get(path), 200);
  }
}

const PATHS = [
  'authorize',
  'infer',
  'me',
  'sessions',
  'activity',
  'customers',
  'users/x/deactivate',
  'invites/x/accept',
];
const KINDS: readonly ((path: string) => string)[] = [
  (path) => `POST /api/v1/${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n`,
  (path) => `POST /api/v1/${path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{`,
  (path) => `POST /api/v1/${path} HTTP/1.1\r\nhost:`,
];

// S15
it('lets a thousand half requests, at the gateway and at the services, cost nobody else anything', async () => {
  const { portal, identity, token, audit, inference } = endpoints();
  const direct = [
    [identity, 'sessions'],
    [token, 'authorize'],
    [audit, 'api-users/usage'],
    [inference, 'infer'],
  ] as const;
  const ended: string[] = [];
  const half = async (base: string, begin: string) => {
    const socket = connect(Number(new URL(base).port), '127.0.0.1').on('error', () => undefined);
    socket.write(begin);
    const status = (await text(socket)).slice(9, 12);
    ended.push(status);
    return status;
  };
  const answers = KINDS.flatMap((kind) => [
    ...PATHS.flatMap((path) => Array.from({ length: 32 }, () => half(portal, kind(path)))),
    ...direct.flatMap(([base, path]) => Array.from({ length: 32 }, () => half(base, kind(path)))),
  ]);
  expect(answers.length).toBeGreaterThan(1_000);
  await everybodyElseGoesOn();
  // All of that while the half ones wait, but for those that the gateway counts.
  expect(ended.filter((status) => status !== '429')).toEqual([]);
  const statuses = new Set(await Promise.all(answers));
  // One source may ask only so often without a session; the others get to the end of their time.
  expect([...statuses].sort()).toEqual(['408', ...(statuses.has('429') ? ['429'] : [])]);
  await everybodyElseGoesOn();
}, 60_000);

// S15
it.each([
  ['waiting for the log', 900, 503],
  ['far ahead of it', 999_999_999_999_999, 400],
])(
  'lets one customer’s crowd, %s, cost no other customer anything',
  async (_, position, status) => {
    let othersGoOn = true;
    /** Asks again for as long as the others go on, so that the crowd is there all the time, however slow the machine is. */
    const askUntilTheOthersAreDone = async () => {
      const statuses: number[] = [];
      do statuses.push((await busy.owner.get(`/api/v1/activity?position=${position}`)).status);
      while (othersGoOn && statuses.at(-1) === 503);
      return statuses;
    };
    const crowd = Array.from({ length: 150 }, askUntilTheOthersAreDone);
    await everybodyElseGoesOn();
    othersGoOn = false;
    const statuses = new Set((await Promise.all(crowd)).flat());
    expect(statuses).toContain(status);
    // Those for whom there was no place.
    statuses.delete(429);
    expect([...statuses]).toEqual([status]);
    expectStatus(await busy.owner.get('/api/v1/activity?limit=1'), 200);
  },
  60_000,
);

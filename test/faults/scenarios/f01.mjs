import { seconds } from '../waiting.mjs';
import { mint } from '../customers.mjs';
import { send } from '../http.mjs';

const APPEND = 'event-store\\.append';

/** Where identity dies: after BEGIN, after INSERT, after COMMIT and before the answer. */
const POINTS = [
  { on: '^\\s*begin; set local rebelcore', when: 'after' },
  { on: APPEND, when: 'after' },
  { on: 'commit', having: APPEND, when: 'after' },
];

export default {
  id: 'F01',
  title: 'kill -9 identity at random and at named points',
  async run(scenario) {
    const { system, random, short } = scenario;
    for (const point of POINTS) await diesAt(scenario, point);
    const load = scenario.load({ writers: 8, callers: 2 });
    for (let round = 0; round < (short ? 2 : 10); round += 1) {
      await seconds(0.2 + random.int(1_500) / 1000);
      const victims = system.services('identity');
      const victim = victims[random.int(victims.length)];
      const before = Date.now();
      await system.crash(victim);
      // 5 s for the machine that the suite was made on, shared with everything else that runs here.
      scenario.expect(Date.now() - before < 8_000, `identity was ready again only after ${Date.now() - before} ms`);
    }
    await seconds(1);
    await load.stop();
  },
};

/** A mint is on its way when identity dies; repeated with its Idempotency-Key it gives the one API user there is. */
async function diesAt({ system, ledger, customers: [customer], expect }, point) {
  const [first, second] = system.services('identity');
  await customer.bearer(second.url);
  const died = system.crashAt(first, { ...point });
  // The point is set once the process has read it.
  await seconds(0.3);
  const minting = mint(ledger, customer, [first.url, second.url], { attempts: 20 });
  await died;
  await first.restart();
  const entry = await minting;
  const { status, body } = entry.answer;
  const committed = point.on === 'commit';
  const fits = committed
    ? status === 200 && body.password === undefined
    : status === 201 && body.password !== undefined;
  expect(fits, `after dying ${point.when} ${point.on} the repetition answered ${status}`);
  const list = await send('GET', `${second.url}/api/v1/users?type=api&limit=200`, {
    headers: { authorization: await customer.bearer(second.url) },
  });
  expect(
    list.body?.items?.some(({ id }) => id === body.id),
    'the API user of the repetition is not in the list',
  );
}

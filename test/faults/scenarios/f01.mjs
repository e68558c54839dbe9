import { mint } from '../customers.mjs';
import { send } from '../http.mjs';
import { seconds } from '../waiting.mjs';

const APPEND = 'event-store\\.append';

/** Where identity dies: after BEGIN, after INSERT, after COMMIT and before the answer. */
const POINTS = [
  { on: '^begin; set local rebelcore', when: 'after' },
  { on: APPEND, when: 'after' },
  { on: '^commit$', having: APPEND, when: 'after' },
];

export default {
  id: 'F01',
  title: 'kill -9 identity at random and at named points',
  gate: true,
  async run(scenario) {
    const { system, random, short, expect, note } = scenario;
    for (const point of short ? [random.pick(POINTS)] : POINTS) await diesAt(scenario, point);
    const load = scenario.load({ writers: 8, callers: 2 });
    for (let round = 0; round < (short ? 1 : 10); round += 1) {
      await seconds(0.2 + random.int(1_500) / 1000);
      const victims = system.services('identity');
      const victim = random.pick(victims);
      const before = Date.now();
      await system.crash(victim);
      const ms = Date.now() - before;
      note(`identity is ready again after ${ms} ms`);
      expect(ms < system.patience(5_000), `identity was ready again only after ${ms} ms`);
    }
    await seconds(1);
    await load.stop();
  },
};

/** A mint is on its way when identity dies; repeated with its Idempotency-Key it gives the one API user there is. */
async function diesAt({ system, ledger, customers: [customer], expect }, point) {
  const [first, second] = system.services('identity');
  await customer.bearer(second.url);
  let minting;
  await system.crashAt([first], point, () => {
    minting = mint(ledger, customer, [first.url, second.url], { attempts: 20 });
  });
  await first.restart();
  const { status, body } = (await minting).answer;
  const isReplay = status === 200 && body.password === undefined;
  // 202 when the relay had to be taken over by the other replica meanwhile.
  const isNew = (status === 201 || status === 202) && body.password !== undefined;
  expect(point.on === '^commit$' ? isReplay : isNew, `after dying ${point.when} ${point.on}: ${status} on repetition`);
  const list = await send('GET', `${second.url}/api/v1/users?type=api&limit=200`, {
    headers: { authorization: await customer.bearer(second.url) },
  });
  expect(list.body?.items?.some(({ id }) => id === body.id) === true, 'the API user of the repetition is not listed');
}

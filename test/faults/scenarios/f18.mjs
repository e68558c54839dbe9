import { send } from '../http.mjs';
import { repeat } from '../load.mjs';
import { seconds, until } from '../waiting.mjs';

export default {
  id: 'F18',
  title: 'the signing key turned over under load, retired and withdrawn, with a guard that has seen its tokens',
  async run(scenario) {
    const { system, ledger, apiUsers, random, short, expect, note } = scenario;
    const token = system.services('token');
    const tokens = new Map();
    const refusals = [];
    let accepted = 0;
    const authorize = async () => {
      const { url } = token[random.int(token.length)];
      const apiUser = apiUsers[random.int(apiUsers.length)];
      const { status, token: issued } = await ledger.call({ apiUser, customerId: apiUser.customerId, url });
      if (status === 200) tokens.set(keyOf(issued), issued);
      return issued;
    };
    const present = (issued) => infer(system, ledger, issued);
    const load = scenario.owned(
      repeat(8, async () => {
        const issued = (await authorize()) ?? '';
        const { status, text } = await present(issued);
        if (status === 200) accepted += 1;
        else refusals.push(`${status} ${text}`);
      }),
    );
    const published = async () => {
      const answers = await Promise.all(token.map(({ url }) => send('GET', `${url}/.well-known/jwks.json`)));
      return answers.map(({ body }) => body.keys.map(({ kid }) => kid));
    };
    const both = (holds) => async () => {
      const [first, second] = await published();
      return holds(first) && holds(second) ? first : undefined;
    };
    const signs = (kid) => until(() => tokens.has(kid), `a token signed with ${kid}`);
    await seconds(short ? 2 : 10);
    const [[old]] = await published();

    // Turned over: the hour that the next key is published before it signs passes by a change of its time.
    await system.asSuperuser('token', 'update signing_key set rotate_after = now()');
    const [next] = await until(
      both((kids) => kids.length === 2),
      'both replicas to publish the next key',
    );
    expect(!tokens.has(next), 'the next key signed before its time');
    await seconds(short ? 1 : 5);
    await system.asSuperuser(
      'token',
      `update signing_key set signs_from = now() + interval '1 second' where kid = $1`,
      [next],
    );
    await signs(next);
    expect((await present(tokens.get(old))).status === 200, 'a token of the key before is refused');
    await seconds(short ? 2 : 10);

    // Retired, and the present one withdrawn as if it had leaked.
    await system.asSuperuser('token', `update signing_key set signs_from = signs_from - interval '25 hours'`);
    await until(
      both((kids) => !kids.includes(old)),
      'both replicas to publish the retired key no longer',
    );
    await load.stop();
    expect(refusals.length === 0, `${refusals.length} tokens were refused, the first with ${refusals[0]}`);
    await system.asSuperuser('token', 'update signing_key set withdrawn_at = now() where kid = $1', [next]);
    const [leaked, retired] = [tokens.get(next), tokens.get(old)];
    const [emergency] = await until(
      both((kids) => !kids.includes(next)),
      'both replicas to publish the withdrawn key no longer',
    );
    await until(async () => tokens.has(emergency) || (await authorize(), false), 'a token of the new key');
    expect((await present(tokens.get(emergency))).status === 200, 'a token of the new key is refused');
    for (const [issued, what] of [
      [leaked, 'withdrawn'],
      [retired, 'retired'],
    ]) {
      const { status } = await present(issued);
      expect(status === 401, `a token of the ${what} key was answered ${status}`);
    }
    note(`${accepted} tokens of ${tokens.size} keys accepted; those of the withdrawn and the retired key refused`);
  },
};

const keyOf = (issued) => JSON.parse(Buffer.from(issued.split('.')[0], 'base64url')).kid;

function infer(system, ledger, issued) {
  return send('POST', `${system.endpoints.inference}/api/v1/infer`, {
    body: { prompt: 'hello', spec_ids: [] },
    headers: { authorization: `Bearer ${issued}`, 'x-correlation-id': ledger.nextId() },
  });
}

import { randomUUID } from 'node:crypto';
import { send } from '../http.mjs';
import { seconds, until } from '../waiting.mjs';

export default {
  id: 'F05',
  title: 'Postgres killed, and stopped at once',
  async run(scenario) {
    const { system, short, expect, note } = scenario;
    const load = scenario.load({ writers: 4, callers: 4, pauseMs: 20 });
    for (const signal of short ? ['SIGKILL'] : ['SIGKILL', 'SIGQUIT', 'SIGKILL', 'SIGQUIT']) {
      await seconds(1);
      system.running.postgres.kill(signal);
      await system.running.postgres.process.exited;
      await seconds(1);
      await refusesPolitely(scenario);
      await system.restartPostgres();
      const began = Date.now();
      await until(() => isServed(scenario), 'service after Postgres came back', 30_000);
      const ms = Date.now() - began;
      note(`after ${signal} served again ${ms} ms after Postgres was back`);
      expect(ms < system.patience(5_000), `after ${signal} the pools were back only after ${ms} ms`);
    }
    await load.stop();
  },
};

async function refusesPolitely({ system, ledger, customers: [customer], apiUsers: [apiUser], expect }) {
  for (const { url } of system.services('token')) {
    const { status, retryAfter } = await ledger.call({ apiUser, customerId: apiUser.customerId, url });
    expect(status === 503 && retryAfter !== undefined, `without Postgres /authorize answered ${status}, ${retryAfter}`);
  }
  for (const { url } of system.services('identity')) {
    const answer = await send('POST', `${url}/api/v1/api-users`, {
      body: { role_id: customer.roleId },
      headers: { authorization: `Bearer ${customer.token}`, 'idempotency-key': randomUUID() },
    });
    const isPolite = answer.status === 503 && answer.headers['retry-after'] !== undefined;
    expect(isPolite, `without Postgres a mint answered ${answer.status ?? answer.error}`);
    expect(!/\bat .*\.js:|ECONN|postgres:/.test(answer.text ?? ''), `an error tells too much: ${answer.text}`);
  }
}

async function isServed({ system, ledger, apiUsers }) {
  const answers = await Promise.all(
    system.services('token').map(({ url }) => {
      const [apiUser] = apiUsers;
      return ledger.call({ apiUser, customerId: apiUser.customerId, url });
    }),
  );
  const managed = await Promise.all(
    system.services('identity').map(({ url }) => send('GET', `${url}/health/ready`, { timeoutMs: 3_000 })),
  );
  return (
    answers.every(({ status }) => [200, 401, 429].includes(status)) && managed.every(({ status }) => status === 200)
  );
}

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { TOPICS } from '@rebelcore/contracts/topics';
import { createKafka, type KafkaSettings } from '@rebelcore/messaging/kafka-client';
import { readTopic } from '@rebelcore/testing/topic-reader';
import { Client } from '@rebelcore/embedded/client';
import { authorize, endpoints, expectStatus, TestCustomer } from '../support/system.js';

/** Every text that a database holds, table by table. */
async function contentOf(url: string): Promise<string> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      `select quote_ident(table_name) as name from information_schema.tables
       where table_schema = 'public' and table_type = 'BASE TABLE'`,
    );
    const texts: string[] = [];
    for (const { name } of rows) {
      const content = await client.query<{ row: string }>(`select t::text as row from ${name} t`);
      texts.push(...content.rows.map(({ row }) => row));
    }
    return texts.join('\n');
  } finally {
    await client.end();
  }
}

const LOGS = process.env.TEST_SYSTEM_LOGS ?? '';
async function logs(): Promise<string> {
  const files = (await readdir(LOGS)).filter((name) => name.endsWith('.log'));
  return (await Promise.all(files.map((name) => readFile(join(LOGS, name), 'utf8')))).join('\n');
}

/** Keys, headers and values of every record on every topic. */
async function topics(): Promise<string> {
  const sasl = JSON.parse(process.env.TEST_KAFKA_ADMIN ?? '{}') as KafkaSettings['sasl'];
  const kafka = createKafka({ brokers: endpoints().kafka.brokers, clientId: 'test', sasl });
  const records = await Promise.all(Object.keys(TOPICS).map((topic) => readTopic(kafka, topic)));
  return records
    .flat()
    .map(({ key, headers, value }) => `${key} ${JSON.stringify(headers)} ${value}`)
    .join('\n');
}

const SERVICES = JSON.parse(process.env.TEST_SERVICES ?? '[]') as { url: string }[];

/** What services say of themselves to operators. */
async function health(): Promise<string> {
  const paths = ['/health/ready', '/health/live', '/metrics'];
  const answers = SERVICES.flatMap(({ url }) => paths.map(async (path) => (await fetch(`${url}${path}`)).text()));
  return (await Promise.all(answers)).join('\n');
}

describe('invariant 7: secrets', () => {
  // S07
  it('stand in no database, topic, log and word on health: not the passwords, not the tokens, not a session', async () => {
    const customer = await TestCustomer.provision();
    const apiUser = await customer.mint();
    const authorized = await authorize(apiUser);
    expectStatus(authorized, 200);
    const { token } = authorized.body as { token: string };
    const client = new Client(endpoints().portal);
    await client.post(
      '/api/v1/infer',
      { prompt: 'a-private-prompt', spec_ids: [] },
      { authorization: `Bearer ${token}` },
    );
    await client.post('/api/v1/authorize', { username: apiUser.username, password: `${apiUser.password}!` });
    await client.post('/api/v1/authorize', { username: apiUser.username, password: apiUser.password, extra: 1 });
    await customer.activity(`user_id=${apiUser.id}`, 5);

    const { postgres } = endpoints();
    const places = {
      identity: await contentOf(postgres.identity),
      token: await contentOf(postgres.token),
      audit: await contentOf(postgres.audit),
      topics: await topics(),
      logs: await logs(),
      health: await health(),
    };
    // What must be there, so that an empty place cannot pass.
    for (const place of [places.identity, places.token, places.audit, places.topics])
      expect(place).toContain(apiUser.id);
    const secrets = {
      'password of the API user': apiUser.password,
      'password of the owner': customer.password,
      'session of the owner': customer.owner.session?.split('=')[1] ?? '',
      'secret of the owner’s authenticator app': customer.authenticator.secret,
      token,
      'signature of the token': token.split('.')[2] ?? '',
      prompt: 'a-private-prompt',
    };
    const found = (content: string) =>
      Object.entries(secrets).flatMap(([name, secret]) => (content.includes(secret) ? [name] : []));
    for (const [place, content] of Object.entries(places)) expect([place, found(content)]).toEqual([place, []]);
    // A person's address stays inside identity.
    expect(places.identity).toContain(customer.email);
    expect(places.token + places.audit + places.topics + places.logs).not.toContain(customer.email);
  });
});

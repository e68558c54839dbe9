import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
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

async function logs(): Promise<string> {
  const directory = process.env.TEST_SYSTEM_LOGS ?? '';
  const files = (await readdir(directory)).filter((name) => name.endsWith('.log'));
  return (await Promise.all(files.map((name) => readFile(join(directory, name), 'utf8')))).join('\n');
}

describe('invariant 7: secrets', () => {
  it('stand in no database and no log: not the passwords, not the tokens, not a session', async () => {
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
      logs: await logs(),
    };
    // What must be there, so that an empty place cannot pass.
    for (const place of [places.identity, places.token, places.audit]) expect(place).toContain(apiUser.id);
    const secrets = {
      'password of the API user': apiUser.password,
      'password of the owner': customer.password,
      'secret of the owner’s authenticator app': customer.authenticator.secret,
      token,
      'signature of the token': token.split('.')[2] ?? '',
      prompt: 'a-private-prompt',
    };
    for (const [place, content] of Object.entries(places)) {
      for (const [name, secret] of Object.entries(secrets)) {
        expect([place, name, content.includes(secret)]).toEqual([place, name, false]);
      }
    }
    // A person's address stays inside identity.
    expect(places.identity).toContain(customer.email);
    expect(places.token + places.audit + places.logs).not.toContain(customer.email);
  });
});

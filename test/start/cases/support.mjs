import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { Authenticator } from '@rebelcore/embedded/authenticator';
import { Client } from '@rebelcore/embedded/client';
import { signIn } from '@rebelcore/embedded/sign-in';

/** What shells export, or a person's settings say, that must not reach what is started. */
export const HOSTILE = {
  PGSSLMODE: 'require',
  PGOPTIONS: '-c default_transaction_read_only=on',
  NODE_ENV: 'production',
  npm_config_omit: 'dev',
  npm_config_ignore_scripts: 'true',
  HTTP_PROXY: 'http://127.0.0.1:9',
  NODE_USE_ENV_PROXY: '1',
  LC_ALL: 'tr_TR.ISO-8859-9',
  JAVA_TOOL_OPTIONS: '-Xmx1m',
  _JAVA_OPTIONS: '-Xmx1m',
  KAFKA_OPTS: '-Xmx1m',
  // As a file with all variables has them that are not set.
  KAFKA_BROKERS: '',
  SMTP_URL: '',
};

const SHUT_DOWN = 'database system is shut down';
const shutDowns = (copy) => copy.log('postgres').split(SHUT_DOWN).length - 1;

/** What ends in order: everything by itself, the databases included, and nothing says that it still runs. */
export class Ending {
  #copy;
  #before;

  /** Made before the end begins. */
  constructor(copy) {
    this.#copy = copy;
    this.#before = shutDowns(copy);
  }

  /** @param status of the command; undefined where it is that of something else, as of `tee` */
  async inOrder(run, status) {
    const ended = await run.ended;
    if (status !== undefined) assert.equal(ended, status, run.output);
    await this.#copy.nothingLeft();
    assert.equal(shutDowns(this.#copy), this.#before + 1, 'the databases were not shut down by themselves');
    for (const file of ['endpoints.json', 'processes.json'])
      assert.equal(existsSync(this.#copy.file(file)), false, file);
  }
}

/** Ends in order what runs, by SIGTERM to the process that was started. */
export async function stop(copy, run) {
  const ending = new Ending(copy);
  run.signal('SIGTERM');
  await ending.inOrder(run, 0);
}

/** The launcher ends with a status and one sentence that has these words, and leaves nothing running. */
export async function refuses(copy, words, run = copy.launch()) {
  const unlisted = await copy.unlisted(run);
  assert.equal(await run.ended, 1, run.output);
  for (const word of words) assert.ok(run.output.includes(word), `${word} is not in: ${run.output}`);
  assert.doesNotMatch(run.output, /\n\s+at /, 'a stack trace is no sentence');
  assert.deepEqual(unlisted, [], 'ran without being listed');
  await copy.nothingLeft();
}

/** The credentials of an API user that the demo owner has minted. */
export async function mint({ endpoints }) {
  const owner = new Client(endpoints.portal);
  const authenticator = new Authenticator(endpoints.owner.totp_secret, { usedElsewhere: true });
  await signIn((path, body) => owner.post(path, body), endpoints.owner, authenticator);
  const { body } = await owner.get('/api/v1/roles');
  const minted = await owner.post(
    '/api/v1/api-users',
    { role_id: body.items[0].id, label: 'starts' },
    { 'idempotency-key': randomUUID() },
  );
  assert.ok([201, 202].includes(minted.status), JSON.stringify(minted));
  const { username, password } = minted.body;
  return { username, password };
}

/** The issuer in a token that an API user is given, which is that of the metadata and of the greeting. */
export async function issuer({ endpoints: { portal } }, run, credentials) {
  const { status, body } = await new Client(portal).post('/api/v1/authorize', credentials);
  assert.equal(status, 200, JSON.stringify(body));
  const { iss } = JSON.parse(Buffer.from(body.token.split('.')[1], 'base64url').toString());
  const metadata = await (await fetch(`${portal}/.well-known/oauth-authorization-server`)).json();
  assert.equal(metadata.issuer, iss);
  assert.ok(metadata.jwks_uri.startsWith(`${iss}/`), metadata.jwks_uri);
  assert.equal((await fetch(metadata.jwks_uri.replace(iss, portal))).status, 200);
  assert.match(run.output, new RegExp(`Issuer\\s+${iss.replaceAll('.', '\\.')}\\s`));
  return iss;
}

import { execFile } from 'node:child_process';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { jest } from '@jest/globals';
import * as jose from 'jose';
import * as oauth from 'openid-client';
import pg from 'pg';
import { until } from '@rebelcore/testing/until';
import { newRole } from '../support/people.js';
import { authorize, endpoints, TestCustomer, type ApiUser } from '../support/system.js';
import { Program } from './program.js';
import { snippet } from './snippets.js';

// The first call of a library waits until its program has started, which takes Spring half a minute on a busy machine.
jest.setTimeout(180_000);

const run = promisify(execFile);
const root = new URL('../../', import.meta.url).pathname;

type Language = 'go' | 'python' | 'java';
const programs = JSON.parse(process.env.INTEROP_PROGRAMS ?? '{}') as Partial<Record<Language, string[]>>;
const running = new Map<Language, Program>();

/** A library that obtains tokens, and how it authenticates. `node` is this process. */
const CLIENTS: readonly (readonly [library: string, language: Language | 'node', by: string])[] = [
  ['openid-client', 'node', 'client_secret_basic'],
  ['openid-client', 'node', 'client_secret_post'],
  ['openid-client', 'node', 'private_key_jwt'],
  ['golang.org/x/oauth2', 'go', 'auto-detected'],
  ['golang.org/x/oauth2', 'go', 'client_secret_basic'],
  ['golang.org/x/oauth2', 'go', 'client_secret_post'],
  ['Authlib', 'python', 'client_secret_basic'],
  ['Authlib', 'python', 'client_secret_post'],
  ['requests-oauthlib', 'python', 'client_secret_basic'],
  ['requests-oauthlib', 'python', 'client_secret_post'],
  ['Spring Security', 'java', 'client_secret_basic'],
  ['Spring Security', 'java', 'client_secret_post'],
  ['Nimbus', 'java', 'client_secret_basic'],
  ['Nimbus', 'java', 'client_secret_post'],
  ['Nimbus', 'java', 'private_key_jwt'],
];
const VERIFIERS: readonly (readonly [library: string, language: Language | 'node'])[] = [
  ['jose', 'node'],
  ['PyJWT', 'python'],
  ['Spring Security', 'java'],
  ['Nimbus', 'java'],
];
/** run.mjs has said which languages are not. */
const isHere = (language: Language | 'node') => language === 'node' || programs[language] !== undefined;
const ofLanguageHere = ([, language]: readonly [string, Language | 'node', ...string[]]) => isHere(language);

const ed25519 = await jose.generateKeyPair('Ed25519', { extractable: true });
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const answered = expect.objectContaining({ correlation_id: expect.stringMatching(/^api:/) as string }) as object;

let apiUser: ApiUser;
let issuer: string;
let keys: ReturnType<typeof jose.createRemoteJWKSet>;

beforeAll(async () => {
  const customer = await TestCustomer.provision();
  const role_id = await newRole(customer, `Agents ${randomUUID()}`, 'can_use_agent');
  const public_keys = [await jose.exportJWK(ed25519.publicKey), p256.publicKey.export({ format: 'jwk' })];
  apiUser = await customer.mint({ role_id, public_keys });
  issuer = endpoints().portal;
  // As in interop.py: by default jose asks for keys again after half a minute at the earliest; the hour before a new key signs passes faster here.
  keys = jose.createRemoteJWKSet(new URL('/.well-known/jwks.json', issuer), { cooldownDuration: 0 });
  const env = {
    ISSUER: issuer,
    CLIENT_ID: apiUser.username,
    CLIENT_SECRET: apiUser.password,
    PRIVATE_KEY: JSON.stringify(p256.privateKey.export({ format: 'jwk' })),
  };
  for (const [language, command] of Object.entries(programs) as [Language, string[]][])
    running.set(language, new Program(command, env));
});
afterAll(() => Promise.all([...running.values()].map((program) => program.end())));

function programOf(language: Language): Program {
  const program = running.get(language);
  if (program === undefined) throw new Error(`${language} is not running`);
  return program;
}

/** A new token of this library's, with which it has called the agent. */
async function call(
  library: string,
  language: Language | 'node',
  by: string,
): Promise<{ token: string; answer: unknown }> {
  if (language !== 'node') {
    const { token, answer } = await programOf(language).ask({ library, by });
    return { token: String(token), answer };
  }
  const authentication = {
    client_secret_basic: () => oauth.ClientSecretBasic(apiUser.password),
    client_secret_post: () => oauth.ClientSecretPost(apiUser.password),
    private_key_jwt: () => oauth.PrivateKeyJwt(ed25519.privateKey),
  }[by];
  if (authentication === undefined) throw new Error(`openid-client is not asked for ${by}`);
  // Marked as deprecated only so that it stands out: nothing but one's own machine is spoken to without TLS.
  const allowHttp: (config: oauth.Configuration) => void = Reflect.get(oauth, 'allowInsecureRequests');
  const server = await oauth.discovery(new URL(issuer), apiUser.username, undefined, authentication(), {
    algorithm: 'oauth2',
    execute: [allowHttp],
  });
  const { access_token: token } = await oauth.clientCredentialsGrant(server);
  const url = new URL('/api/v1/infer', issuer);
  const body = JSON.stringify({ prompt: 'Hello', spec_ids: [] });
  const headers = new Headers({ 'content-type': 'application/json' });
  const answer = await oauth.fetchProtectedResource(server, token, url, 'POST', body, headers);
  return { token, answer: await answer.json() };
}

/** The subject of a token that this library takes. */
async function verify(library: string, language: Language | 'node', token: string): Promise<unknown> {
  if (language !== 'node') return (await programOf(language).ask({ library, token })).sub;
  const rules = { issuer, audience: 'rebelcore-api', typ: 'at+jwt' };
  return (await jose.jwtVerify(token, keys, rules)).payload.sub;
}

/** Tokens by the key that signed them, as the clients obtained them. */
const tokens = new Map<string, string[]>();
const kidOf = (token: string) => String(jose.decodeProtectedHeader(token).kid);
const tokenOf = async () => ((await authorize(apiUser)).body as { token: string }).token;

/** Every client obtains a token that is signed with the key of the moment, and calls the agent with it. */
function clientsAreServed(kid: () => string): void {
  for (const [library, language, by] of CLIENTS.filter(ofLanguageHere)) {
    it(`${library} obtains a token by ${by} and is answered by the agent`, async () => {
      const { token, answer } = await call(library, language, by);
      expect(answer).toEqual(answered);
      expect(kidOf(token)).toBe(kid());
      tokens.set(kid(), [...(tokens.get(kid()) ?? []), token]);
    });
  }
}

/** Every verifier takes all tokens that there are, and none that was changed. */
function verifiersTakeAll(): void {
  for (const [library, language] of VERIFIERS.filter(ofLanguageHere)) {
    it(`${library} takes all tokens and none that was changed`, async () => {
      const subjects = new Set<unknown>();
      for (const token of [...tokens.values()].flat()) subjects.add(await verify(library, language, token));
      expect([...subjects]).toEqual([apiUser.id]);
      for (const [token = ''] of tokens.values()) {
        const [header, payload, signature = ''] = token.split('.');
        const changed = (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1);
        await expect(verify(library, language, `${header}.${payload}.${changed}`)).rejects.toThrow();
      }
    });
  }
}

let first: string;
let second: string;

describe('before the signing key is turned over', () => {
  beforeAll(async () => {
    first = kidOf(await tokenOf());
  });
  clientsAreServed(() => first);
  verifiersTakeAll();

  it('Spring Security does so with the lines of the guide', () => {
    const program = readFileSync(join(root, 'test/interop/java/src/main/java/interop/Interop.java'), 'utf8');
    expect(program.replaceAll(/^ {2}/gm, '')).toContain(snippet('Verify a token', 'java'));
  });

  const inGo = async () => {
    const folder = mkdtempSync(join(tmpdir(), 'snippet-'));
    try {
      for (const file of ['go.mod', 'go.sum']) copyFileSync(join(root, 'test/interop/go', file), join(folder, file));
      writeFileSync(join(folder, 'main.go'), snippet('Go', 'go'));
      const env = { ...process.env, ISSUER: issuer, CLIENT_ID: apiUser.username, CLIENT_SECRET: apiUser.password };
      const { stdout } = await run('go', ['run', '.'], { cwd: folder, env });
      expect(JSON.parse(stdout)).toEqual(answered);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
  if (isHere('go')) it('the guide’s snippet in Go gets a token and the answer of the agent', inGo);
});

describe('after the signing key was turned over', () => {
  beforeAll(async () => {
    const { token: database } = JSON.parse(process.env.TEST_OWNER_DATABASES ?? '{}') as { token: string };
    const replicas = JSON.parse(process.env.TEST_TOKEN_REPLICAS ?? '[]') as string[];
    const published = async () => {
      const answers = replicas.map(async (url) => {
        const { keys } = (await (await fetch(`${url}/.well-known/jwks.json`)).json()) as { keys: { kid: string }[] };
        return keys.map(({ kid }) => kid);
      });
      return Promise.all(answers);
    };
    await run('npm', ['run', '-s', 'keys', '--', 'token', 'rotate'], {
      cwd: root,
      env: { ...process.env, TOKEN_MIGRATIONS_DATABASE_URL: database },
    });
    const [kids = []] = await until(async () => {
      const all = await published();
      return all.every((each) => each.length === 2) && all;
    }, 'both replicas to publish the next key');
    second = kids.find((kid) => kid !== first) ?? '';
    expect(kidOf(await tokenOf())).toBe(first);
    // The hour that the next key is published before it signs.
    const owner = new pg.Client(database);
    await owner.connect();
    await owner.query('update signing_key set signs_from = now() where kid = $1', [second]);
    await owner.end();
    // Twenty in a row are of both replicas.
    await until(async () => {
      const some = await Promise.all(Array.from({ length: 20 }, tokenOf));
      return some.every((token) => kidOf(token) === second);
    }, 'every replica to sign with the next key');
  });
  clientsAreServed(() => second);
  verifiersTakeAll();

  it('the agent answers the tokens of the key before', async () => {
    for (const token of tokens.get(first) ?? []) {
      const answer = await fetch(new URL('/api/v1/infer', issuer), {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ prompt: 'Hello', spec_ids: [] }),
      });
      expect(await answer.json()).toEqual(answered);
    }
    expect(tokens.get(first)).toHaveLength(CLIENTS.filter(ofLanguageHere).length);
  });
});

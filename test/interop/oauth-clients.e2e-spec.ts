import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPairSync } from 'node:crypto';
import { promisify } from 'node:util';
import * as jose from 'jose';
import * as oauth from 'openid-client';
import { newRole } from '../support/people.js';
import { endpoints, TestCustomer, type ApiUser } from '../support/system.js';
import { snippet } from './snippets.js';

const run = promisify(execFile);
const pair = generateKeyPairSync('ed25519');
const PUBLIC_KEY = pair.publicKey.export({ type: 'spki', format: 'pem' });
const PRIVATE_KEY = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;

// Marked as deprecated only so that it stands out: nothing but one's own machine is spoken to without TLS.
const allowHttp: (config: oauth.Configuration) => void = Reflect.get(oauth, 'allowInsecureRequests');

let customer: TestCustomer;
let apiUser: ApiUser;
beforeAll(async () => {
  customer = await TestCustomer.provision();
  const role_id = await newRole(customer, 'Agents that ask', 'can_use_agent', 'can_introspect');
  apiUser = await customer.mint({ role_id, public_keys: [PUBLIC_KEY] });
});

const answered = expect.objectContaining({ correlation_id: expect.stringMatching(/^api:/) as string }) as object;

/** Whether this machine has a program; curl and Node are always there. */
const has = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;
const NODE = [process.execPath, '--input-type=module', '-e'];
const SNIPPETS: readonly (readonly [title: string, language: string, run: readonly string[]])[] = [
  ['curl', 'sh', ['bash', '-euo', 'pipefail', '-c']],
  ['Node', 'js', NODE],
  ['Sign instead of sending a password', 'js', NODE],
  ['Tokens that are of no use to a thief', 'js', NODE],
  ['Python', 'python', ['python3', '-c']],
  // From a file with the name of its class.
  ['Java', 'java', ['java']],
];

describe('the guide’s snippets', () => {
  const runnable = SNIPPETS.filter(
    ([, , [program = '']]) => ['bash', process.execPath].includes(program) || has(program),
  );
  it.each(runnable)('%s: get a token and the answer of the agent', async (title, language, [program = '', ...args]) => {
    const { username: CLIENT_ID, password: CLIENT_SECRET } = apiUser;
    const { PATH, HOME } = process.env;
    const env = { PATH, HOME, ISSUER: endpoints().portal, CLIENT_ID, CLIENT_SECRET, PRIVATE_KEY };
    let code = snippet(title, language);
    const folder = mkdtempSync(join(tmpdir(), 'snippet-'));
    if (language === 'java') {
      writeFileSync(join(folder, 'Call.java'), code);
      code = join(folder, 'Call.java');
    }
    const { stdout } = await run(program, [...args, code], { env }).finally(() => {
      rmSync(folder, { recursive: true });
    });
    expect(JSON.parse(stdout)).toEqual(answered);
  });
});

describe('openid-client', () => {
  const keyed = async () => oauth.PrivateKeyJwt(await jose.importPKCS8(PRIVATE_KEY, 'EdDSA'));
  const issuer = () => new URL(endpoints().portal);
  const discovered = (by: oauth.ClientAuth) =>
    oauth.discovery(issuer(), apiUser.username, undefined, by, {
      algorithm: 'oauth2',
      execute: [allowHttp],
    });

  it.each<[string, () => oauth.ClientAuth | Promise<oauth.ClientAuth>]>([
    ['client_secret_basic', () => oauth.ClientSecretBasic(apiUser.password)],
    ['client_secret_post', () => oauth.ClientSecretPost(apiUser.password)],
    ['private_key_jwt', keyed],
  ])('gets a token by %s that the agent and jose accept, and learns of it by introspection', async (_, by) => {
    const server = await discovered(await by());
    const granted = await oauth.clientCredentialsGrant(server, { scope: 'can_use_agent' });
    expect(granted.expires_in).toBe(86_400);

    const keys = jose.createRemoteJWKSet(new URL(server.serverMetadata().jwks_uri ?? ''));
    const rules = { issuer: issuer().origin, audience: 'rebelcore-api', typ: 'at+jwt' };
    const { payload } = await jose.jwtVerify(granted.access_token, keys, rules);
    expect(payload).toMatchObject({ sub: apiUser.id, client_id: apiUser.username, scope: 'can_use_agent' });

    const body = JSON.stringify({ prompt: 'Hello', spec_ids: [] });
    const headers = new Headers({ 'content-type': 'application/json' });
    const url = new URL('/api/v1/infer', issuer());
    const answer = await oauth.fetchProtectedResource(server, granted.access_token, url, 'POST', body, headers);
    expect(await answer.json()).toEqual(answered);

    const known = await oauth.tokenIntrospection(server, granted.access_token);
    expect(known).toMatchObject({ active: true, sub: apiUser.id, scope: 'can_use_agent', api_user_status: 'active' });
    expect(await oauth.tokenIntrospection(server, `${granted.access_token}x`)).toEqual({ active: false });
  });

  it('gets a token that is bound to its key, which opens nothing without it (DPoP)', async () => {
    const server = await discovered(oauth.ClientSecretBasic(apiUser.password));
    const DPoP = oauth.getDPoPHandle(server, await oauth.randomDPoPKeyPair());
    const { access_token, token_type } = await oauth.clientCredentialsGrant(server, undefined, { DPoP });
    expect(token_type).toBe('dpop');

    const body = JSON.stringify({ prompt: 'Hello', spec_ids: [] });
    const headers = { 'content-type': 'application/json' };
    const url = new URL('/api/v1/infer', issuer());
    const asked = [server, access_token, url, 'POST', body, new Headers(headers)] as const;
    expect(await (await oauth.fetchProtectedResource(...asked, { DPoP })).json()).toEqual(answered);
    const stolen = { method: 'POST', headers: { ...headers, authorization: `Bearer ${access_token}` }, body };
    expect((await fetch(url, stolen)).status).toBe(401);
    const known = await oauth.tokenIntrospection(server, access_token);
    expect(known).toMatchObject({ active: true, token_type: 'DPoP', cnf: { jkt: await DPoP.calculateThumbprint() } });
  });

  it('understands what is refused', async () => {
    const server = await discovered(oauth.ClientSecretBasic('wrong'));
    const refused = oauth.clientCredentialsGrant(server);
    // To this library a challenge says more than the body beside it.
    await expect(refused).rejects.toMatchObject({ status: 401, code: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE' });
    const own = await discovered(oauth.ClientSecretBasic(apiUser.password));
    const tooMuch = oauth.clientCredentialsGrant(own, { scope: 'can_add_users' });
    await expect(tooMuch).rejects.toMatchObject({ status: 400, error: 'invalid_scope' });
  });
});

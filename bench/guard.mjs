// libs/api-access on a bare Nest endpoint against a bare server that verifies each token.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { apiUser } from './lib/api-users.mjs';
import { startChild } from './lib/child.mjs';
import { cpuSeconds } from './lib/processes.mjs';
import { encode, signedToken } from './lib/es256.mjs';
import { options } from './lib/options.mjs';
import { report } from './lib/report.mjs';
import { interleaved, ratio } from './lib/rounds.mjs';
import { spread } from './lib/statistics.mjs';
import { startProduct } from './lib/system.mjs';

// More new tokens than the guard remembers, so that each is new again when its turn comes.
const given = options({ rounds: 5, seconds: 4, connections: 64, tokens: 64_000, repeated: 128 });
const { rounds, seconds, connections } = given;

const product = await startProduct();
for (const name of ['identity', 'token', 'audit', 'inference', 'portal']) product.service(name).kill('SIGSTOP');

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'bench', use: 'sig', alg: 'ES256' };
const jwks = createServer((_, response) => response.end(JSON.stringify({ keys: [jwk] })));
await new Promise((resolve) => jwks.listen(0, '127.0.0.1', resolve));
const trust = { issuer: 'http://127.0.0.1', audience: 'rebelcore-api' };
const api = { ...trust, jwksUri: `http://127.0.0.1:${jwks.address().port}/` };

const head = encode({ alg: 'ES256', typ: 'at+jwt', kid: jwk.kid });
const iat = Math.floor(Date.now() / 1000);
function tokenOf(n) {
  const { id, customerId } = apiUser(n % 1_000, 20);
  const claims = { iss: trust.issuer, sub: id, client_id: id, aud: trust.audience, iat, exp: iat + 86_400 };
  const rest = { jti: randomUUID(), customer_id: customerId, role: 'RebelCore_AgentUser', scope: 'can_use_agent' };
  return signedToken(privateKey, head, { ...claims, ...rest });
}
const requests = Array.from({ length: given.tokens }, (_, n) => ({
  method: 'GET',
  path: '/call',
  headers: { authorization: `Bearer ${tokenOf(n)}` },
}));

const floor = await startChild('servers/floor-verify.mjs', { ...trust, jwk });
const guarded = await startChild('servers/guarded.mjs', api);
const recording = {
  brokers: product.brokers,
  login: product.adminLogin,
  spoolDir: join(product.dataDir, 'bench-spool'),
};
const recorded = await startChild('servers/guarded.mjs', { ...api, recording });
const load = await startChild('lib/load.mjs', {});

const cpu = {};
/** @param tokensOf makes `{requests(), used(calls)}`: which tokens come in a run */
function variant(name, { pid, port }, tokensOf) {
  const tokens = tokensOf();
  return async () => {
    const before = cpuSeconds(pid);
    const what = tokens.requests();
    const result = await load.ask({ url: `http://127.0.0.1:${port}`, requests: what, connections, seconds });
    if (result.failed > 0)
      throw new Error(`${name}: ${result.failed} calls failed: ${JSON.stringify(result.statuses)}`);
    tokens.used(result.total);
    (cpu[name] ??= []).push(((cpuSeconds(pid) - before) * 1e6) / result.total);
    return result.perSecond;
  };
}

/** Goes on where the last run ended and round again, so that the guard has forgotten a token when it comes back. */
function fresh() {
  let from = 0;
  return {
    requests: () => [...requests.slice(from), ...requests.slice(0, from)].slice(0, given.tokens / 2),
    used: (calls) => {
      from = (from + Math.ceil(calls * 1.3)) % given.tokens;
    },
  };
}
const repeated = () => ({ requests: () => requests.slice(0, given.repeated), used: () => undefined });

const variants = {
  floor: variant('bare verification', floor, fresh),
  fresh: variant('new tokens', guarded, fresh),
  repeated: variant('repeated tokens', guarded, repeated),
  freshRecorded: variant('new tokens, recorded', recorded, fresh),
  repeatedRecorded: variant('repeated tokens, recorded', recorded, repeated),
};
console.log('Warming up');
for (const each of Object.values(variants)) await each();
for (const name of Object.keys(cpu)) delete cpu[name];
console.log('Calls per second');
const measured = await interleaved(variants, rounds);

await report(
  'guard',
  [
    { what: 'bare node:http that verifies', spread: spread(measured.floor), unit: 'calls/s' },
    { what: 'guard, new tokens', spread: spread(measured.fresh), unit: 'calls/s' },
    { what: 'guard, repeated tokens', spread: spread(measured.repeated), unit: 'calls/s' },
    { what: 'new tokens / bare', spread: ratio(measured.fresh, measured.floor), atLeast: 0.85 },
    { what: 'repeated tokens / bare', spread: ratio(measured.repeated, measured.floor), atLeast: 3 },
    { what: 'new tokens, recorded / bare', spread: ratio(measured.freshRecorded, measured.floor) },
    { what: 'repeated tokens, recorded / bare', spread: ratio(measured.repeatedRecorded, measured.floor) },
    ...Object.entries(cpu).map(([name, us]) => ({
      what: `CPU of the server per call, ${name}`,
      spread: spread(us),
      unit: 'µs',
    })),
  ],
  { connections, rounds, 'seconds each': seconds },
);
await product.stop();
process.exit(0);

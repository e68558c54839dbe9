// A hundred wrong sign-ins at the same moment: what they are answered, and how long the list of users takes for somebody
// who is signed in already, in identity itself and through the gateway.
import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { startChild } from './lib/child.mjs';
import { options } from './lib/options.mjs';
import { Owner } from './lib/portal.mjs';
import { report } from './lib/report.mjs';
import { interleaved, ratio } from './lib/rounds.mjs';
import { percentile, spread } from './lib/statistics.mjs';
import { caughtUp, startProduct } from './lib/system.mjs';

const given = options({ rounds: 5, 'sign-ins': 100, 'users-every': 20 });

const product = await startProduct({ env: { TRUSTED_PROXIES: '127.0.0.1' } });
const owner = new Owner(product.endpoints);
await owner.signIn();
for (let n = 0; n < 50; n += 1) await owner.mint();
await caughtUp(product.service('audit').url);
const burst = await startChild('lib/burst.mjs', {});

/** Asks for the list at even times until `end` is over, whether or not earlier answers are there; milliseconds. */
async function listUsers({ url, credentials }, end) {
  const headers = await credentials();
  const [answers, statuses] = [[], new Set()];
  let done = false;
  void end.then(() => (done = true));
  for (let due = performance.now(); !done; due += given['users-every']) {
    await delay(Math.max(0, due - performance.now()));
    const asked = performance.now();
    answers.push(
      fetch(`${url}/api/v1/users?limit=50`, { headers }).then(async (answer) => {
        await answer.arrayBuffer();
        statuses.add(answer.status);
        return performance.now() - asked;
      }),
    );
  }
  const took = await Promise.all(answers);
  if (statuses.size !== 1 || !statuses.has(200)) throw new Error(`the list answered ${[...statuses].join(', ')}`);
  return took;
}

let sources = 0;
const signIns = (email) => {
  sources += 1;
  const headers = { 'x-forwarded-for': `198.51.${String(sources >> 8)}.${String(sources & 255)}` };
  return Array.from({ length: given['sign-ins'] }, () => ({
    headers,
    body: { email: email(), password: 'wrong-pass-1' },
  }));
};
const cookie = () => ({ cookie: owner.session });
const PLACES = {
  identity: {
    url: product.service('identity').url,
    // As the gateway does: a token for a minute in exchange for the cookie.
    credentials: async () => {
      const url = `${product.service('identity').url}/internal/session-tokens`;
      const { token } = await (await fetch(url, { method: 'POST', headers: cookie() })).json();
      return { authorization: `Bearer ${token}` };
    },
  },
  gateway: { url: product.endpoints.portal, credentials: cookie },
};
const WHOSE = { one: () => product.endpoints.owner.email, many: () => `${randomUUID()}@example.test` };
/** Milliseconds of each sign-in, by its answer. */
const answered = {};

async function flood(place, email) {
  const sent = burst.ask({ url: `${place.url}/api/v1/sessions`, requests: signIns(email) });
  const took = await listUsers(place, sent);
  for (const { status, code, retryAfter, ms } of (await sent).answers) {
    const isKind = status === 401 || (status === 429 && Number(retryAfter) > 0);
    const kind = isKind ? String(status) : `${String(status)} ${code ?? ''}`;
    (answered[kind] ??= []).push(ms);
  }
  return took;
}

for (const place of Object.values(PLACES)) await listUsers(place, delay(2_000));
const rows = [];
for (const [name, place] of Object.entries(PLACES)) {
  const measured = await interleaved(
    {
      quiet: async () => percentile(await listUsers(place, delay(1_000)), 0.95),
      'one account': async () => percentile(await flood(place, WHOSE.one), 0.95),
      'many accounts': async () => percentile(await flood(place, WHOSE.many), 0.95),
    },
    given.rounds,
  );
  const { quiet, ...flooded } = measured;
  const list = `list of users, ${name}`;
  rows.push({ what: `${list}, p95 with no sign-in`, spread: spread(quiet), unit: 'ms' });
  for (const [whose, p95] of Object.entries(flooded)) {
    rows.push(
      { what: `${list}, p95 during sign-ins to ${whose}`, spread: spread(p95), unit: 'ms', atMost: 200 },
      { what: `${list}, the same in times of the quiet one`, spread: ratio(p95, quiet) },
    );
  }
}
const all = Object.values(answered).flat();
const of = (...kinds) => kinds.flatMap((kind) => answered[kind] ?? []);
const [refused, shed] = [of('401'), of('429')];
rows.push(
  {
    what: 'sign-ins answered 401 or 429 with Retry-After',
    value: (refused.length + shed.length) / all.length,
    atLeast: 1,
  },
  { what: 'sign-ins that were tried, p50', value: percentile(refused, 0.5), unit: 'ms' },
  { what: 'sign-ins that were tried, longest', value: Math.max(...refused), unit: 'ms' },
  { what: 'sign-ins told to come again, p50', value: percentile(shed, 0.5), unit: 'ms' },
  { what: 'sign-ins told to come again, longest', value: Math.max(...shed), unit: 'ms' },
);
await report('sign-in', rows, {
  'sign-ins at once': given['sign-ins'],
  rounds: given.rounds,
  'list every': `${given['users-every']} ms`,
});
await burst.stop();
await product.stop();
process.exit(0);

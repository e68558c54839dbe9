// After integration tests and journeys, which note in CONTRACT_SEEN what they have seen answered and held to the documents: is
// each documented status of each address among it, or here with the test that shows it?
import { readdirSync, readFileSync } from 'node:fs';

/** Made in front of all addresses alike: in this file a test with these words in it shows how. */
const ALIKE = {
  400: ['apps/portal/gateway/src/limits.int-spec.ts', 'an address that cannot be decoded'],
  403: ['apps/portal/gateway/src/origin-rule.spec.ts', 'it.each'],
  408: ['libs/service/src/half-requests.int-spec.ts', 'are ended in ten seconds'],
  414: ['test/journeys/refused-calls.e2e-spec.ts', 'is too long'],
  417: ['apps/portal/gateway/src/limits.int-spec.ts', 'an expectation'],
  429: ['apps/portal/gateway/src/limits.int-spec.ts', 'is slowed'],
  431: ['apps/portal/gateway/src/limits.int-spec.ts', 'headers of 20 kB'],
  500: ['libs/service/src/problem.spec.ts', 'toBe(500)'],
  503: ['libs/service/src/problem.spec.ts', 'is a 503 with Retry-After while the database is away'],
  504: ['apps/portal/gateway/src/gateway.int-spec.ts', 'is a 504 problem'],
};
/** Shown by tests that do not hold what they see to the document. */
const ELSEWHERE = {
  // Where the second factor is reset between the check of the session and the command.
  'POST /api/v1/me/recovery-codes 409': [
    'apps/identity/src/second-factor/second-factor.spec.ts',
    'second-factor.not-enrolled',
  ],
  // By the gateway: no token has a slash.
  'POST /api/v1/invites/{token}/accept 404': ['apps/portal/gateway/src/gateway.int-spec.ts', '/invites/a%2Fb/accept'],
};

const folder = process.env.CONTRACT_SEEN ?? '.cache/contract';
const seen = new Set(
  readdirSync(folder).flatMap((file) => readFileSync(`${folder}/${file}`, 'utf8').split('\n').filter(Boolean)),
);
const { paths } = JSON.parse(readFileSync(new URL('../docs/openapi.json', import.meta.url), 'utf8'));
const documented = Object.entries(paths).flatMap(([path, operations]) =>
  Object.entries(operations).flatMap(([method, { responses }]) =>
    Object.keys(responses).map((status) => `${method.toUpperCase()} ${path} ${status}`),
  ),
);
const isAlike = (answer) => ALIKE[answer.slice(-3)] !== undefined;
const missing = documented.filter((answer) => !seen.has(answer) && !isAlike(answer) && ELSEWHERE[answer] === undefined);
const idle = Object.keys(ELSEWHERE).filter((answer) => seen.has(answer) || !documented.includes(answer));
const reasons = [...Object.entries(ALIKE), ...Object.entries(ELSEWHERE)];
const untrue = reasons.filter(
  ([, [file, words]]) => !readFileSync(new URL(`../${file}`, import.meta.url), 'utf8').includes(words),
);
const shown = documented.filter((answer) => seen.has(answer)).length;
process.stdout.write(
  `${shown} of ${documented.length} documented answers were seen by tests that hold them to the document\n`,
);
for (const answer of missing) process.stderr.write(`no test shows: ${answer}\n`);
for (const answer of idle) process.stderr.write(`needs no exception: ${answer}\n`);
for (const [answer, [file, words]] of untrue) process.stderr.write(`${answer}: ${file} has no “${words}”\n`);
process.exit(missing.length + idle.length + untrue.length === 0 ? 0 : 1);

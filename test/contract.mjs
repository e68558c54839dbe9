// After integration tests and journeys, which note in CONTRACT_SEEN what they have seen answered and held to the documents: is
// each documented status of each address among it, or here with the test that shows it?
import { readdirSync, readFileSync } from 'node:fs';

/** Made in front of all addresses alike. */
const ALIKE = {
  400: 'libs/service/src/half-requests.int-spec.ts, bootstrap.spec.ts: whatever is not well-formed',
  403: 'apps/portal/gateway/src/origin-rule.spec.ts, test/journeys/permissions.e2e-spec.ts',
  408: 'libs/service/src/half-requests.int-spec.ts',
  414: 'libs/service/src/bootstrap.spec.ts',
  429: 'apps/portal/gateway/src/limits.int-spec.ts',
  431: 'libs/service/src/half-requests.int-spec.ts',
  500: 'libs/service/src/problem.spec.ts',
  503: 'libs/service/src/problem.spec.ts, apps/portal/gateway/src/limits.int-spec.ts',
  504: 'apps/portal/gateway/src/gateway.int-spec.ts',
};
/** Shown by tests that do not hold what they see to the document. */
const ELSEWHERE = {
  'POST /api/v1/me/recovery-codes 409':
    'second-factor.spec.ts: the second factor is reset between the check of the session and the command',
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
const shown = documented.filter((answer) => seen.has(answer)).length;
process.stdout.write(
  `${shown} of ${documented.length} documented answers were seen by tests that hold them to the document\n`,
);
for (const answer of missing) process.stderr.write(`no test shows: ${answer}\n`);
for (const answer of idle) process.stderr.write(`needs no exception: ${answer}\n`);
process.exit(missing.length + idle.length === 0 ? 0 : 1);

// The test command: every gate in order, cheapest first, stopping at the first that fails.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const bin = (path) => join(root, 'node_modules', path);
const results = join(root, '.cache', 'jest');
const seen = join(root, '.cache', 'contract');
const counts = { passed: 0, failed: 0 };

const jest = (project) => [
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  bin('jest/bin/jest.js'),
  '--selectProjects',
  project,
  '--json',
  `--outputFile=${join(results, `${project}.json`)}`,
  '--ci',
  '--forceExit',
];
const gates = [
  ['Format', [bin('prettier/bin/prettier.cjs'), '--check', '--log-level=warn', '.']],
  ['Types of the tests', [bin('typescript/bin/tsc'), '-p', 'test/tsconfig.json']],
  ['Size of the web app', [bin('size-limit/bin.js')]],
  ['Types of the browser tests', [bin('typescript/bin/tsc'), '-p', 'test/browser/tsconfig.json']],
  ['Lint', [bin('eslint/bin/eslint.js'), '.']],
  ['Dead code', [bin('knip/bin/knip.js'), '--no-progress']],
  [
    'Boundaries',
    [
      bin('dependency-cruiser/bin/dependency-cruise.mjs'),
      '--config',
      '.dependency-cruiser.cjs',
      'apps',
      'libs',
      'test',
      'bench',
    ],
  ],
  ['Pure tests', jest('pure'), 'pure'],
  ['Integration tests', jest('integration'), 'integration'],
  ['Journeys', jest('journey'), 'journey'],
  ['Documented answers', [join(root, 'test/contract.mjs')]],
  ['Starts', [join(root, 'test/start/run.mjs'), '--quick']],
  ['Browser', [join(root, 'test/browser/run.mjs'), '--grep', '@short'], 'browser'],
  ['Faults', [join(root, 'test/faults/run.mjs'), '--gate']],
];

for (const folder of [results, seen]) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
}
const env = { ...process.env, NODE_OPTIONS: '', CONTRACT_SEEN: seen };
let ok = true;
for (const [title, args, project] of gates) {
  const started = Date.now();
  process.stdout.write(`\n── ${title}\n`);
  // Jest prints its JSON to standard output as well; its report for people goes to standard error.
  const stdio = ['ignore', args.includes('--json') ? 'ignore' : 'inherit', 'inherit'];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio, env });
  if (project !== undefined) count(project);
  process.stdout.write(`   ${status === 0 ? 'ok' : 'failed'} after ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
  ok = status === 0;
  if (!ok) break;
}
process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed\n`);
process.exit(ok && counts.passed > 0 ? 0 : 1);

function count(project) {
  try {
    const report = JSON.parse(readFileSync(join(results, `${project}.json`), 'utf8'));
    // Playwright's report, or Jest's.
    const [passed, failed] = report.stats
      ? [report.stats.expected, report.stats.unexpected + report.errors.length]
      : [report.numPassedTests, report.numFailedTests + report.numRuntimeErrorTestSuites];
    counts.passed += passed;
    counts.failed += failed;
  } catch {
    counts.failed += 1;
  }
}

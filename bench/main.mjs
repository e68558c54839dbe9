// `npm run bench` runs all benches one after the other, `npm run bench -- authorize [options]` one of them.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const BENCHES = ['authorize', 'guard', 'append', 'ingest', 'deactivate', 'sign-in', 'refusals', 'rebuild', 'start'];
const [wanted, ...rest] = process.argv.slice(2);
if (wanted !== undefined && !BENCHES.includes(wanted)) {
  console.error(`There is no bench ${wanted}: ${BENCHES.join(', ')}`);
  process.exit(2);
}
for (const name of wanted === undefined ? BENCHES : [wanted]) {
  console.log(`\n${name}`);
  const file = fileURLToPath(new URL(`${name}.mjs`, import.meta.url));
  const { status } = spawnSync(process.execPath, [file, ...rest], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}

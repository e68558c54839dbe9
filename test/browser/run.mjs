// `npm run test:browser`: all tests in a real browser on the real system; arguments go to Playwright, as `-- --grep mint`.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { findChromium } from './find-chromium.mjs';

const cli = join(import.meta.dirname, '../../node_modules/@playwright/test/cli.js');
const config = join(import.meta.dirname, 'playwright.config.ts');
const chosen = process.argv.slice(2);
// Without arguments all tests run, those that need the system to themselves last; chosen ones bring no others with them.
const args = chosen.length === 0 ? [] : ['--no-deps', ...chosen];
try {
  const CHROMIUM = findChromium((line) => process.stdout.write(`   ${line}\n`));
  const { status } = spawnSync(process.execPath, [cli, 'test', '--config', config, ...args], {
    stdio: 'inherit',
    env: { ...process.env, CHROMIUM },
  });
  process.exit(status ?? 1);
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

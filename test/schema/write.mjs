// npm run schema: writes the listing of each migration that has none yet. A listing that is there is only compared, since
// what was released is not changed any more: whoever changes a migration that nobody has yet deletes its listing first.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const jest = fileURLToPath(new URL('../../node_modules/jest/bin/jest.js', import.meta.url));
const args = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', jest, '--selectProjects'];
const { status } = spawnSync(process.execPath, [...args, 'integration', '--forceExit', 'test/schema'], {
  stdio: 'inherit',
  env: { ...process.env, NODE_OPTIONS: '', NEW_SCHEMAS: 'write' },
});
process.exit(status ?? 1);

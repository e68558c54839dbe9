import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { authorize, TestCustomer } from '../support/system.js';

const run = promisify(execFile);
const program = fileURLToPath(new URL('../../apps/launcher/dist/rebuild.js', import.meta.url));

describe('npm run rebuild -- token', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'api-users-rebuild-'));
    await symlink(dirname(process.env.TEST_SYSTEM_LOGS ?? ''), join(folder, '.data'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('makes the view of the running system anew while it serves, and says what it did', async () => {
    const customer = await TestCustomer.provision();
    const [stays, leaves] = [await customer.mint(), await customer.mint()];
    await customer.deactivate(leaves);

    const answers = new Set<number>();
    const life = { goesOn: true };
    const calling = (async () => {
      while (life.goesOn) answers.add((await authorize(stays)).status);
    })();
    const rebuilding = run(process.execPath, [program, 'token'], { cwd: folder });
    const { stdout, stderr } = await rebuilding.finally(() => {
      life.goesOn = false;
    });
    await calling;

    expect(stderr).toBe('');
    expect(stdout).toMatch(/^token: rebuilding authorization-v1 from [\d ]+ records; the old view serves meanwhile$/m);
    expect(stdout).toMatch(/^token: both are equal; the new one has taken the place of the old one$/m);
    expect(stdout).toMatch(/^token: [\d ]+ records in [\d.]+ s, [\d ]+ per second; consumers waited [\d ]+ ms$/m);
    expect([...answers]).toEqual([200]);
    expect((await authorize(leaves)).status).toBe(401);
    const later = await customer.mint();
    expect((await authorize(later)).status).toBe(200);
  });

  it('names what there is to rebuild', async () => {
    await expect(run(process.execPath, [program, 'identity'], { cwd: folder })).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('usage: npm run rebuild -- token|audit') as string,
    });
  });
});

describe('npm run rebuild -- inference', () => {
  it('makes what API users may do anew from the topic, and says that it is equal', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'api-users-rebuild-'));
    await symlink(dirname(process.env.TEST_SYSTEM_LOGS ?? ''), join(folder, '.data'));
    const { stdout, stderr } = await run(process.execPath, [program, 'inference'], { cwd: folder });
    await rm(folder, { recursive: true });
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^inference: both are equal; the new one has taken the place of the old one$/m);
    expect(stdout).toMatch(/^inference: \d+ records were read$/m);
  });
});

describe('npm run rebuild -- audit', () => {
  it('makes the usage of API users anew from the log, and says that it is equal', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'api-users-rebuild-'));
    await symlink(dirname(process.env.TEST_SYSTEM_LOGS ?? ''), join(folder, '.data'));
    const customer = await TestCustomer.provision();
    expect((await authorize(await customer.mint())).status).toBe(200);
    const { stdout, stderr } = await run(process.execPath, [program, 'audit'], { cwd: folder });
    await rm(folder, { recursive: true });
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^audit: both are equal; the new one has taken the place of the old one$/m);
    expect(stdout).toMatch(/^audit: \d+ entries in [\d.]+ s; consumers waited \d+ ms$/m);
  });
});

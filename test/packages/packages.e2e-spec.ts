import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { bearerOf, endpoints, TestCustomer, type ApiUser } from '../support/system.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);
const PACKAGES = ['contracts', 'messaging', 'api-access'];
const FRAMEWORK = ['@nestjs/common', '@nestjs/core', '@nestjs/platform-fastify', 'fastify', 'reflect-metadata', 'rxjs'];

let folder: string;
let service: ChildProcess | undefined;
let url: string;
let customer: TestCustomer;
let apiUser: ApiUser;

/** Packs the packages, installs them where nothing of this repository is near, compiles the service there and runs it. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outside-service-'));
  customer = await TestCustomer.provision();
  apiUser = await customer.mint();

  const packed = await Promise.all(
    PACKAGES.map(async (name) => {
      const cwd = join(root, 'libs', name);
      const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd });
      return [`@rebelcore/${name}`, `file:${stdout.trim()}`] as const;
    }),
  );
  const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };
  const dependencies = { ...Object.fromEntries(packed), ...pick(own.dependencies, FRAMEWORK) };
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies }));
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: folder });

  await copyFile(join(root, 'test/packages/outside-service.ts'), join(folder, 'outside-service.ts'));
  // Declarations are checked as well: a package must bring the types that it speaks of.
  const compilerOptions = {
    target: 'ES2024',
    module: 'NodeNext',
    strict: true,
    skipLibCheck: false,
    types: ['node'],
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['outside-service.ts'] }));
  await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder]);

  const { authorization = '' } = await bearerOf(apiUser);
  service = spawn(process.execPath, ['outside-service.js'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      JWKS_URI: `${endpoints().token}/.well-known/jwks.json`,
      TOKEN_ISSUER: issuerOf(authorization),
      KAFKA_BROKERS: endpoints().kafka.brokers.join(','),
      // May read but not write: what it records can only go to its spool.
      KAFKA_LOGIN: JSON.stringify(endpoints().kafka.subscriber),
      SPOOL_DIR: join(folder, 'spool'),
    },
  });
  if (service.stdout === null) throw new Error('the service has no output');
  const [line] = (await once(createInterface(service.stdout), 'line')) as [string];
  url = line;
}, 300_000);

afterAll(async () => {
  if (service !== undefined && service.exitCode === null) {
    service.kill();
    await once(service, 'exit');
  }
  await rm(folder, { recursive: true, force: true });
});

const pick = (all: Record<string, string>, names: readonly string[]) =>
  Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)));

function issuerOf(authorization: string): string {
  const [, payload = ''] = authorization.split('.');
  return (JSON.parse(Buffer.from(payload, 'base64url').toString()) as { iss: string }).iss;
}

const whoAmI = async (headers: Record<string, string>) => {
  const response = await fetch(`${url}/who-am-i`, { headers });
  return { status: response.status, text: await response.text() };
};

describe('a service outside this repository that installs the packages', () => {
  it('lets the token of an API user in and knows whose it is', async () => {
    const { status, text } = await whoAmI(await bearerOf(apiUser));
    expect([status, JSON.parse(text)]).toEqual([200, { api_user_id: apiUser.id, customer_id: customer.id }]);
  });

  it('refuses a forged token and a missing one', async () => {
    const { authorization = '' } = await bearerOf(apiUser);
    expect(await whoAmI({ authorization: `${authorization}x` })).toEqual({
      status: 401,
      text: '{"detail":"invalid token"}',
    });
    expect((await whoAmI({})).status).toBe(401);
  });

  it('invariant 6: has the record of each call on its disk when the answer is there', async () => {
    expect((await whoAmI(await bearerOf(apiUser))).status).toBe(200);
    const names = (await readdir(join(folder, 'spool'), { recursive: true })).filter((name) =>
      name.endsWith('.ndjson'),
    );
    const texts = await Promise.all(names.map((name) => readFile(join(folder, 'spool', name), 'utf8')));
    const spooled = texts.join('');
    expect(spooled).toContain('GET /who-am-i');
    expect(spooled).toContain(apiUser.id);
    expect(spooled).not.toContain('Bearer');
  });

  it('contains nothing of the packages but what was published', async () => {
    for (const name of PACKAGES) {
      const files = await readdir(join(folder, 'node_modules/@rebelcore', name), { recursive: true });
      expect(files.filter((file) => /(^|\/)src\/|spec\.|tsbuildinfo/.test(file))).toEqual([]);
      expect(files.some((file) => file.endsWith('.d.ts'))).toBe(true);
    }
  });
});

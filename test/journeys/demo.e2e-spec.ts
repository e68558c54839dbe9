import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@rebelcore/embedded/client';
import { Secrets } from '@rebelcore/embedded/secrets';
import { signIn } from '@rebelcore/embedded/sign-in';
import { until } from '@rebelcore/testing/until';
import { provisionDemo } from '../../apps/launcher/src/system/customers.js';
import { ROOT } from '../../apps/launcher/src/service-program.js';
import { endpoints, expectStatus, TestCustomer } from '../support/system.js';

describe('the demo', () => {
  const folder = mkdtempSync(join(tmpdir(), 'api-users-demo-'));
  /** A command of `package.json`, run where `.data` describes this system. */
  const ended = (name: string, args: string[] = [], cwd = folder) => {
    const program = join(ROOT, `apps/launcher/dist/${name}.js`);
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { cwd, encoding: 'utf8' });
    return { status, stdout, stderr };
  };
  const run = (name: string, ...args: string[]) => {
    const { status, stdout, stderr } = ended(name, args);
    expect([status, stderr]).toEqual([0, '']);
    return stdout;
  };

  beforeAll(() => {
    mkdirSync(join(folder, '.data'));
    writeFileSync(join(folder, '.data/endpoints.json'), JSON.stringify(endpoints()));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('has an owner who signs in with the code that npm run code prints, and with no code twice', async () => {
    const { email, password } = endpoints().owner;
    const signInWith = (totp: string) =>
      new Client(endpoints().portal).post('/api/v1/sessions', { email, password, totp });
    // The start has used a code, which may be the one of this moment.
    const used = await until(
      async () => {
        const [, code = ''] = /^(\d{6}) {2}for another \d+ s; each code signs in once\n$/.exec(run('code')) ?? [];
        const { status, body } = await signInWith(code);
        return status === 201 && { code, body };
      },
      'a code that is accepted',
      45_000,
    );
    expect(used.body).toMatchObject({ user: { owner: true }, session: { second_factor: 'enrolled' } });
    expect((await signInWith(used.code)).status).toBe(401);
  });

  it('prints no code after the operator has reset the owner’s second factor, nor after another app was set up', async () => {
    const customer = await TestCustomer.provision();
    const { email, password, authenticator } = customer;
    const cwd = join(folder, 'reset');
    mkdirSync(join(cwd, '.data'), { recursive: true });
    const owner = { email, password, totp_secret: authenticator.secret };
    writeFileSync(join(cwd, '.data/endpoints.json'), JSON.stringify({ ...endpoints(), owner }));
    expect(ended('code', [], cwd)).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\d{6} /) as string });

    const { identity, portal, operator_token } = endpoints();
    const operator = { authorization: `Bearer ${operator_token}` };
    const path = `/api/v1/customers/${customer.id}/owner/reset-second-factor`;
    expectStatus(await new Client(identity).post(path, undefined, operator), 204);
    const words = `was reset, so no code is asked for. Sign in at ${portal}/sign-in`;
    expect(ended('code', [], cwd)).toEqual({
      status: 1,
      stdout: '',
      stderr: expect.stringContaining(words) as string,
    });

    const client = new Client(portal);
    await signIn((to, body) => client.post(to, body), { email, password });
    expect(ended('code', [], cwd)).toEqual({
      status: 1,
      stdout: '',
      stderr: expect.stringContaining('another authenticator app') as string,
    });
  });

  it('knows its owner again after a start that ended before the key was kept for good', async () => {
    const { email, password, totp_secret } = endpoints().owner;
    const half = new Secrets(join(folder, 'half'));
    half.store('demo-owner', password.slice('Demo1'.length));
    half.store('demo-owner.totp-unconfirmed', totp_secret);
    expect(await provisionDemo(endpoints(), half)).toEqual({ email, password, totp_secret });
    expect(half.find('demo-owner.totp')).toBe(totp_secret);
  });

  it('says what to do where its databases are those of another folder', async () => {
    await expect(provisionDemo(endpoints(), new Secrets(join(folder, 'other')))).rejects.toThrow(
      /^The demo owner is in this database already .+ Begin with empty databases/,
    );
  });

  it('shows the invitation of a new customer in its mailbox', async () => {
    const email = `owner-${randomUUID()}@example.test`;
    const printed = run('customer', 'create', '--name', 'Acme', '--owner-email', email, '--invite');
    const { mailbox = '', portal } = endpoints();
    expect(printed).toContain(`invitation mailed; read it at ${mailbox}\n`);
    const links = await until(async () => {
      const { items } = (await new Client(mailbox).get(`/messages?to=${email}`)).body as {
        items: { links: string[] }[];
      };
      return items[0]?.links;
    }, 'the invitation');
    expect(links.join()).toContain(`${portal}/invite#`);
  });
});

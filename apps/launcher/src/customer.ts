import { parseArgs } from 'node:util';
import type { Problem } from '@rebelcore/contracts/problem';
import { Misused, runCommand, say } from '@rebelcore/embedded/command';
import { readEndpoints } from '@rebelcore/embedded/endpoints';
import { provision } from './system/customers.js';

const usage = `usage: npm run customer -- create --name NAME --owner-email ADDRESS
         [--first-name NAME] [--last-name NAME] [--password PASSWORD | --invite]
         --invite             the owner sets the password, by a link that is mailed to them
         [--endpoints FILE]   where the system is described (default .data/endpoints.json)`;

interface Created {
  readonly customer: { readonly id: string; readonly name: string };
  readonly owner: { readonly id: string; readonly email: string; readonly password?: string };
}

async function create(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      name: { type: 'string' },
      'owner-email': { type: 'string' },
      'first-name': { type: 'string', default: 'Super' },
      'last-name': { type: 'string', default: 'Admin' },
      password: { type: 'string' },
      invite: { type: 'boolean', default: false },
      endpoints: { type: 'string' },
    },
  });
  const { name, 'owner-email': email, 'first-name': first_name, 'last-name': last_name, password, invite } = values;
  if (positionals[0] !== 'create' || name === undefined || email === undefined || (invite && password !== undefined))
    throw new Misused();
  const endpoints = readEndpoints(values.endpoints);
  const access = invite ? { invite: true } : { password };
  const response = await provision(endpoints, { name, owner: { email, first_name, last_name, ...access } });
  if (!response.ok) throw new Error(`Refused (${response.status}): ${((await response.json()) as Problem).detail}`);
  const { customer, owner } = (await response.json()) as Created;
  say(`Customer ${customer.name} is provisioned.\n`);
  const row = (title: string, text: string) => {
    say(`  ${title.padEnd(10)} ${text}`);
  };
  row('customer', customer.id);
  row('owner', owner.email);
  if (owner.password !== undefined) row('password', `${owner.password}   (shown this once)`);
  if (invite) row('invitation', `mailed${endpoints.mailbox === undefined ? '' : `; read it at ${endpoints.mailbox}`}`);
  row('sign-in', `${endpoints.portal}/sign-in`);
  say('\nThe first sign-in sets up an authenticator app, whose six digits every later one asks for.');
  return 0;
}

await runCommand({ usage, run: create });

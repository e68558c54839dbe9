import { parseArgs } from 'node:util';
import type { Problem } from '@rebelcore/contracts/problem';
import { Misused, runCommand, say } from '@rebelcore/embedded/command';
import { readEndpoints } from '@rebelcore/embedded/endpoints';
import { provision } from './system/customers.js';

const usage = `usage: npm run customer -- create --name NAME --owner-email ADDRESS
         [--first-name NAME] [--last-name NAME] [--password PASSWORD]
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
      endpoints: { type: 'string' },
    },
  });
  const { name, 'owner-email': email, 'first-name': first_name, 'last-name': last_name, password } = values;
  if (positionals[0] !== 'create' || name === undefined || email === undefined) throw new Misused();
  const response = await provision(readEndpoints(values.endpoints), {
    name,
    owner: { email, first_name, last_name, password },
  });
  if (!response.ok) throw new Error(`Refused (${response.status}): ${((await response.json()) as Problem).detail}`);
  const { customer, owner } = (await response.json()) as Created;
  say(`Customer ${customer.name} is provisioned.`);
  say(`  customer  ${customer.id}`);
  say(`  owner     ${owner.email}`);
  if (owner.password !== undefined) say(`  password  ${owner.password}   (shown this once)`);
  return 0;
}

await runCommand({ usage, run: create });

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Problem } from '@rebelcore/contracts/problem';

const USAGE = `usage: npm run customer -- create --name NAME --owner-email ADDRESS
         [--first-name NAME] [--last-name NAME] [--password PASSWORD]
         [--endpoints FILE]   where the system is described (default .data/endpoints.json)`;

interface Created {
  readonly customer: { readonly id: string; readonly name: string };
  readonly owner: { readonly id: string; readonly email: string; readonly password?: string };
}

class Unusable extends Error {}

async function create(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      name: { type: 'string' },
      'owner-email': { type: 'string' },
      'first-name': { type: 'string', default: 'Super' },
      'last-name': { type: 'string', default: 'Admin' },
      password: { type: 'string' },
      endpoints: { type: 'string', default: '.data/endpoints.json' },
    },
  });
  const { name, 'owner-email': email, 'first-name': first, 'last-name': last, password } = values;
  if (positionals[0] !== 'create' || name === undefined || email === undefined) throw new Unusable(USAGE);
  const system = await endpoints(resolve(values.endpoints));
  const response = await fetch(`${system.identity}/api/v1/customers`, {
    method: 'POST',
    headers: { authorization: `Bearer ${system.operator_token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      name,
      owner: { email, first_name: first, last_name: last, ...(password !== undefined && { password }) },
    }),
  });
  if (!response.ok) throw new Unusable(`Refused (${response.status}): ${((await response.json()) as Problem).detail}`);
  const { customer, owner } = (await response.json()) as Created;
  const shown = owner.password === undefined ? '' : `\n  password  ${owner.password}   (shown this once)`;
  process.stdout.write(
    `Customer ${customer.name} is provisioned.\n  customer  ${customer.id}\n  owner     ${owner.email}${shown}\n`,
  );
}

async function endpoints(file: string): Promise<{ identity: string; operator_token: string }> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as { identity: string; operator_token: string };
  } catch {
    throw new Unusable(`${file} is not there: start the system with "npm start" first.`);
  }
}

try {
  await create();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}

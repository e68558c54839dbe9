import { Client } from '@rebelcore/embedded/client';
import type { Endpoints } from '@rebelcore/embedded/endpoints';
import type { Secrets } from '@rebelcore/embedded/secrets';
import { codeOf, enrol } from '@rebelcore/embedded/sign-in';

export interface NewCustomer {
  readonly name: string;
  readonly owner: {
    readonly email: string;
    readonly first_name: string;
    readonly last_name: string;
    /** One is made up where none is given. */
    readonly password?: string | undefined;
    /** A link to set the password is mailed instead. */
    readonly invite?: boolean;
  };
}

/** Asks identity for a customer and its Customer Super Admin, as the operator. */
export function provision(
  { identity, operator_token }: Pick<Endpoints, 'identity' | 'operator_token'>,
  customer: NewCustomer,
): Promise<Response> {
  return fetch(`${identity}/api/v1/customers`, {
    method: 'POST',
    headers: { authorization: `Bearer ${operator_token}`, 'content-type': 'application/json' },
    body: JSON.stringify(customer),
  });
}

/**
 * The customer that everybody may try things with, and its owner, with the second factor enrolled; from the second start on
 * both are there already.
 *
 * A store that has gone back takes no command until it is mended; whether the customer is there is seen then.
 *
 * @returns how the owner signs in
 */
export async function provisionDemo(
  endpoints: Omit<Endpoints, 'owner'>,
  secrets: Secrets,
): Promise<Endpoints['owner']> {
  const login = { email: 'owner@demo.rebelcore.local', password: `Demo1${secrets.text('demo-owner')}` };
  const owner = { ...login, first_name: 'Dana', last_name: 'Demo' };
  const response = await provision(endpoints, { name: 'Demo Corp', owner });
  const known = secrets.find(TOTP_SECRET);
  if (response.status !== 201 && response.status !== 409) {
    const answer = await response.text();
    const isBehind = answer.includes('"store.behind"');
    if (!isBehind || known === undefined) throw new Error(`The demo customer could not be provisioned: ${answer}`);
  }
  return { ...login, totp_secret: known ?? (await enrolDemo(login, new Client(endpoints.portal), secrets)) };
}

const TOTP_SECRET = 'demo-owner.totp';
/** As long as it is not known whether it counts: the start may end between the two. */
const UNCONFIRMED = 'demo-owner.totp-unconfirmed';

async function enrolDemo(login: { email: string; password: string }, owner: Client, secrets: Secrets): Promise<string> {
  const answer = await owner.post('/api/v1/sessions', login);
  const unconfirmed = secrets.find(UNCONFIRMED);
  if (unconfirmed !== undefined && codeOf(answer) === 'session.second-factor-required') {
    secrets.store(TOTP_SECRET, unconfirmed);
    return unconfirmed;
  }
  if (answer.status !== 201) {
    throw new Error(
      `The demo owner is in this database already and signs in otherwise than this folder knows (${JSON.stringify(answer.body)}). ` +
        'Begin with empty databases, or with the folder they were made from.',
    );
  }
  const { secret } = await enrol(
    (path, body) => owner.post(path, body),
    (made) => {
      secrets.store(UNCONFIRMED, made);
    },
  );
  secrets.store(TOTP_SECRET, secret);
  await owner.delete('/api/v1/sessions/current');
  return secret;
}

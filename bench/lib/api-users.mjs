import { createHash } from 'node:crypto';
import { SYSTEM_ROLES } from '@rebelcore/contracts/roles';
import { makeVerifier } from '@rebelcore/credentials/verifier';

const digest = (text) => createHash('sha256').update(text).digest('hex');

/** A UUID as version 7 makes them, in the order of `n`. */
function uuid7(n, kind) {
  const time = (1_760_000_000_000 + n * 1_000).toString(16).padStart(12, '0');
  const rest = digest(`${kind} ${n}`);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${rest.slice(0, 3)}-8${rest.slice(3, 6)}-${rest.slice(6, 18)}`;
}

/** The same API user for the same number; its customer is one of `customers`. */
export function apiUser(n, customers) {
  const id = uuid7(n, 'api user');
  return {
    id,
    customerId: uuid7(n % customers, 'customer'),
    username: `${id}@api.rebelcore.local`,
    password: digest(`password ${n}`).slice(0, 48),
  };
}

const AT_ONCE = 10_000;

/** Writes API users number 0 up to `count` into a table like the token service's view, as if each had just been minted. */
export async function seedAuthorization(client, table, count, customers, peppers) {
  const role = SYSTEM_ROLES[0];
  for (let from = 0; from < count; from += AT_ONCE) {
    const users = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, index) =>
      apiUser(from + index, customers),
    );
    await client.query(
      `insert into ${table} (api_user_id, customer_id, username, role_id, role, scope, status, sequence,
                             correlation_id, event_id, verifier, pepper_version, acknowledged)
       select n.id, n.customer_id, n.username, $5, $6, $8, 'active', 1, 'bench', n.id::text, n.verifier, $7, 1
         from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) as n (id, customer_id, username, verifier)`,
      [
        users.map(({ id }) => id),
        users.map(({ customerId }) => customerId),
        users.map(({ username }) => username),
        users.map(({ username, password }) => makeVerifier(peppers, username, password).verifier),
        role.id,
        role.name,
        peppers.current,
        role.permissions.join(' '),
      ],
    );
  }
  await client.query(`vacuum analyze ${table}`);
}

/** The calls of `/authorize` that these API users make. */
export const authorizeRequests = (users) =>
  users.map(({ username, password }) => ({
    method: 'POST',
    path: '/api/v1/authorize',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password }),
  }));

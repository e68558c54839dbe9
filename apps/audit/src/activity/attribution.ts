import { UNATTRIBUTED } from '@rebelcore/contracts/call-events';
import type { PoolClient } from 'pg';
import type { ActivityEntry } from './entry.js';

/** Remembers whose the API users are that these entries say were created. */
export async function noteApiUsers(tx: PoolClient, entries: readonly ActivityEntry[]): Promise<void> {
  const created = entries.filter(({ eventType }) => eventType === 'api_user.create');
  if (created.length === 0) return;
  await tx.query({
    name: 'attribution.note',
    text: 'select note_api_users($1::uuid[], $2::uuid[])',
    values: [created.map(({ userId }) => userId), created.map(({ customerId }) => customerId)],
  });
}

/**
 * Gives entries to the customer whose API user they name. A password that cannot be right is refused before anything is read: the
 * token service then knows from the username which API user was meant, and not whose it is.
 */
export async function attributed(tx: PoolClient, entries: readonly ActivityEntry[]): Promise<readonly ActivityEntry[]> {
  const named = entries.filter(isWithoutCustomer).map(({ userId }) => userId);
  if (named.length === 0) return entries;
  const { rows } = await tx.query<{ api_user_id: string; customer_id: string }>({
    name: 'attribution.of',
    text: 'select * from customers_of_api_users($1::uuid[])',
    values: [[...new Set(named)]],
  });
  const customers = new Map(rows.map(({ api_user_id, customer_id }) => [api_user_id, customer_id]));
  return entries.map((entry) => {
    const customerId = isWithoutCustomer(entry) ? customers.get(entry.userId ?? '') : undefined;
    return customerId === undefined ? entry : { ...entry, customerId };
  });
}

const isWithoutCustomer = ({ customerId, userId }: ActivityEntry): boolean =>
  customerId === UNATTRIBUTED && userId !== null;

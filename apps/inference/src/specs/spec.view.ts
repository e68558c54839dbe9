import type { IdentityEvent } from '@rebelcore/contracts/identity-events';
import type { Pool, PoolClient } from 'pg';

/** The spec that every customer has from the beginning. */
export const sampleSpecOf = (customerId: string): string => `sample-${customerId}`;
const SAMPLE = /^sample-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whose is a spec? */
export class SpecView {
  constructor(private readonly pool: Pool) {}

  /**
   * True when all of these specs may be used by this customer. A spec that nobody has used yet becomes theirs: this
   * sample has no upload (ADR 5).
   */
  async mayUse(customerId: string, specIds: readonly string[]): Promise<boolean> {
    // In one order for everybody, so that two calls cannot wait for each other.
    const wanted = [...new Set(specIds)].sort();
    if (wanted.length === 0) return true;
    // Also before the news of that customer has arrived here: nobody else can make its sample spec their own.
    if (wanted.some((id) => SAMPLE.test(id) && id !== sampleSpecOf(customerId))) return false;
    const owners = await this.owners(wanted);
    if (wanted.some((id) => (owners.get(id) ?? customerId) !== customerId)) return false;
    const unknown = wanted.filter((id) => !owners.has(id));
    if (unknown.length === 0) return true;
    await this.pool.query(
      'insert into spec_v1 (spec_id, customer_id) select unnest($1::text[]), $2 on conflict do nothing',
      [unknown, customerId],
    );
    // Another customer may have been quicker.
    return [...(await this.owners(unknown)).values()].every((owner) => owner === customerId);
  }

  private async owners(specIds: readonly string[]): Promise<Map<string, string>> {
    const { rows } = await this.pool.query<{ spec_id: string; customer_id: string }>({
      name: 'spec.owners',
      text: 'select spec_id, customer_id from spec_v1 where spec_id = any($1::text[])',
      values: [specIds],
    });
    return new Map(rows.map((row) => [row.spec_id, row.customer_id]));
  }
}

/** Gives each new customer a sample spec. */
export async function applySampleSpecs(tx: PoolClient, events: readonly IdentityEvent[]): Promise<void> {
  const customers = events.flatMap(({ name, data }) => (name === 'CustomerProvisioned' ? [data.customerId] : []));
  if (customers.length === 0) return;
  await tx.query(
    `insert into spec_v1 (spec_id, customer_id)
     select * from unnest($1::text[], $2::uuid[]) on conflict do nothing`,
    [customers.map(sampleSpecOf), customers],
  );
}

import type { IdentityEvent } from '@rebelcore/contracts/identity-events';
import { inTransaction } from '@rebelcore/messaging/transaction';
import type { Pool, PoolClient } from 'pg';

/** The spec that every customer has from the beginning. */
export const sampleSpecOf = (customerId: string): string => `sample-${customerId}`;
const SAMPLE = /^sample-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** A UUID is the same in capitals, and so is what bears it. */
const IN_ANY_CASE = /(?:^sample-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi;
const inOneSpelling = (specId: string): string =>
  specId.normalize('NFC').replaceAll(IN_ANY_CASE, (id) => id.toLowerCase());

/** Specs that one customer may have: what is claimed is kept for ever, and kept from all others. */
export const SPECS_PER_CUSTOMER = 10_000;

/** Whether specs may be used: `foreign` where one is another customer's, `too-many` where they would be more than one may have. */
type SpecAnswer = 'yes' | 'foreign' | 'too-many';

/** Whose is a spec? */
export class SpecView {
  constructor(private readonly pool: Pool) {}

  /**
   * Whether this customer may use all of these specs. A spec that nobody has used yet becomes theirs: this sample has no
   * upload (ADR 5).
   */
  async mayUse(customerId: string, specIds: readonly string[]): Promise<SpecAnswer> {
    // In one order for everybody, so that two calls cannot wait for each other.
    const wanted = [...new Set(specIds.map(inOneSpelling))].sort();
    if (wanted.length === 0) return 'yes';
    // Also before the news of that customer has arrived here: nobody else can make its sample spec their own.
    if (wanted.some((id) => SAMPLE.test(id) && id !== sampleSpecOf(customerId))) return 'foreign';
    const owners = await this.owners(wanted);
    if (wanted.some((id) => (owners.get(id) ?? customerId) !== customerId)) return 'foreign';
    const unknown = wanted.filter((id) => !owners.has(id));
    if (unknown.length === 0) return 'yes';
    if (!(await this.claim(customerId, unknown))) return 'too-many';
    // Another customer may have been quicker.
    const all = [...(await this.owners(unknown)).values()].every((owner) => owner === customerId);
    return all ? 'yes' : 'foreign';
  }

  /** All or none of them; false when they would be too many. Claims of one customer are made one after the other. */
  private claim(customerId: string, specIds: readonly string[]): Promise<boolean> {
    const begin = async (tx: PoolClient) => {
      await tx.query('begin');
      await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [customerId]);
    };
    return inTransaction(this.pool, begin, async (tx) => {
      const { rowCount } = await tx.query(
        `insert into spec_v1 (spec_id, customer_id) select unnest($1::text[]), $2
          where (select count(*) from spec_v1 where customer_id = $2) + cardinality($1::text[]) <= $3
         on conflict do nothing returning spec_id`,
        [specIds, customerId, SPECS_PER_CUSTOMER],
      );
      if (rowCount !== 0) return true;
      // None was free any more, which is for the caller to find out, or there was no room.
      const { rows } = await tx.query('select from spec_v1 where spec_id = any($1::text[]) limit 1', [specIds]);
      return rows.length > 0;
    });
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

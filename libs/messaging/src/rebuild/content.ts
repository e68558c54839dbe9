import type { Pool, PoolClient } from 'pg';

/** A view's content in two numbers; the order of the rows does not matter. */
export interface Content {
  readonly rows: number;
  /** 128 bits in hexadecimal. */
  readonly hash: string;
}

/**
 * @param rows SQL of what is compared: a table, with a condition where one is needed
 * @param row SQL of a record of what counts in one of them
 */
export async function contentOf(db: Pick<Pool | PoolClient, 'query'>, rows: string, row: string): Promise<Content> {
  const { rows: found } = await db.query<{ count: string; a: string; b: string }>(
    `select count(*) as count, coalesce(sum(hash_record_extended(${row}, 0)), 0)::text as a,
            coalesce(sum(hash_record_extended(${row}, 1)), 0)::text as b from ${rows}`,
  );
  const { count = '0', a = '0', b = '0' } = found[0] ?? {};
  const hex = (sum: string) => BigInt.asUintN(64, BigInt(sum)).toString(16).padStart(16, '0');
  return { rows: Number(count), hash: hex(a) + hex(b) };
}

import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { ProblemException } from './problem.js';

/** Digits and nothing else: `1e2`, `0x10` and the empty text are numbers for JavaScript only. */
export const wholeNumber = (min: number, max: number) =>
  z
    .transform((text: unknown, { issues }) => {
      if (typeof text === 'string' && /^\d{1,15}$/.test(text)) return Number(text);
      issues.push({ code: 'custom', input: text, message: 'must be a whole number' });
      return z.NEVER;
    })
    .pipe(z.int().min(min, `must be from ${min} to ${max}`).max(max, `must be from ${min} to ${max}`));

/** What the query of every list takes besides its filters. */
export const pageParameters = {
  cursor: z.string().optional().meta({ description: 'The `next_cursor` of the page before.' }),
  limit: wholeNumber(1, 200).default(50).meta({ description: 'Rows on the page at most; 50 when it is not given.' }),
  position: wholeNumber(0, Number.MAX_SAFE_INTEGER)
    .default(0)
    .meta({ description: 'The position of an earlier write, which the list must hold.' }),
};

const MAC_BYTES = 16;

/**
 * Keyset cursors of one list: the position of the last row of a page, bound by a MAC to the customer and the filters it
 * was made for. One that was cut, changed or respelled, or belongs to another customer, filter or list, is refused.
 */
export class Cursors<Position> {
  private readonly key: Buffer;

  /**
   * @param secret the same in every replica; each list derives a key of its own
   * @param list its name, unique among the lists that share the secret
   * @param position how a position looks as JSON
   */
  constructor(
    secret: Buffer,
    list: string,
    private readonly position: z.ZodType<Position>,
  ) {
    this.key = Buffer.from(hkdfSync('sha256', secret, '', `rebelcore:cursor:${list}`, 32));
  }

  encode(position: Position, customerId: string, filter: object): string {
    const payload = Buffer.from(JSON.stringify(position));
    return Buffer.concat([this.mac(payload, customerId, filter), payload]).toString('base64url');
  }

  /**
   * Undefined for none, which is the beginning of the list.
   *
   * @throws {ProblemException} 400 `cursor.invalid` for one that was not handed out for this customer and filter
   */
  decode(cursor: string | undefined, customerId: string, filter: object): Position | undefined {
    if (cursor === undefined) return undefined;
    const bytes = Buffer.from(cursor, 'base64url');
    const [mac, payload] = [bytes.subarray(0, MAC_BYTES), bytes.subarray(MAC_BYTES)];
    // Decoders overlook stray characters, and the bits of the last one that no byte needs.
    if (mac.length < MAC_BYTES || bytes.toString('base64url') !== cursor) throw notOfThisList();
    if (!timingSafeEqual(mac, this.mac(payload, customerId, filter))) throw notOfThisList();
    const position = this.position.safeParse(JSON.parse(payload.toString()));
    // Handed out by a former version, whose positions looked otherwise.
    if (!position.success) throw notOfThisList();
    return position.data;
  }

  private mac(payload: Buffer, customerId: string, filter: object): Buffer {
    const filters = Object.entries(filter).filter(([, value]) => value !== undefined);
    const text = JSON.stringify([payload.toString('base64url'), customerId, filters.toSorted()]);
    return createHmac('sha256', this.key).update(text).digest().subarray(0, MAC_BYTES);
  }
}

/** For a `position` beyond all that were ever handed out. */
export function unknownPosition(): ProblemException {
  const rule = 'is beyond the last write';
  return new ProblemException(400, 'position.unknown', `position: ${rule}`, { errors: [{ field: 'position', rule }] });
}

function notOfThisList(): ProblemException {
  const rule = 'is not a cursor of this list';
  return new ProblemException(400, 'cursor.invalid', `cursor: ${rule}`, { errors: [{ field: 'cursor', rule }] });
}

/** A page of rows that were asked for with a limit one higher than its own. */
export interface Page<Row> {
  readonly rows: readonly Row[];
  /** The row after which the next page begins; undefined at the end of the list. */
  readonly last: Row | undefined;
}

export function cutPage<Row>(found: readonly Row[], limit: number): Page<Row> {
  const rows = found.slice(0, limit);
  return { rows, last: found.length > limit ? rows.at(-1) : undefined };
}

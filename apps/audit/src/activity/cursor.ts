import { createHmac, timingSafeEqual } from 'node:crypto';

/** The place after one entry in the order of the log. */
export interface ListPosition {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly id: string;
}

/**
 * Cursors that only the list that made them accepts: a MAC binds the place to the customer and the filters, so that one
 * that was changed, cut, or taken to another list is known.
 */
export class Cursors {
  /** @param key 32 random bytes, the same in every replica */
  constructor(private readonly key: Buffer) {}

  write({ at, id }: ListPosition, boundTo: readonly string[]): string {
    const place = Buffer.alloc(22);
    place.writeUIntBE(at, 0, 6);
    place.write(id.replaceAll('-', ''), 6, 'hex');
    return Buffer.concat([place, this.mac(place, boundTo)]).toString('base64url');
  }

  /** Undefined for a cursor that this list did not hand out. */
  read(cursor: string, boundTo: readonly string[]): ListPosition | undefined {
    if (!/^[A-Za-z0-9_-]{51}$/.test(cursor)) return undefined;
    const bytes = Buffer.from(cursor, 'base64url');
    // 38 bytes leave two bits of the last character unused: only the form that was written is accepted.
    if (bytes.toString('base64url') !== cursor) return undefined;
    const place = bytes.subarray(0, 22);
    if (!timingSafeEqual(bytes.subarray(22), this.mac(place, boundTo))) return undefined;
    const id = /^(.{8})(.{4})(.{4})(.{4})(.{12})$/.exec(place.toString('hex', 6))?.slice(1).join('-') ?? '';
    return { at: place.readUIntBE(0, 6), id };
  }

  private mac(place: Buffer, boundTo: readonly string[]): Buffer {
    return createHmac('sha256', this.key).update(place).update(JSON.stringify(boundTo)).digest().subarray(0, 16);
  }
}

import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

/**
 * Cursors of a list: the last id seen, bound by a MAC to the customer and the filters it was made for. One that was
 * changed, or belongs to another customer or list, is recognised.
 */
export class Cursors {
  private readonly key: Buffer;

  constructor(secret: Buffer) {
    this.key = Buffer.from(hkdfSync('sha256', secret, '', 'rebelcore:cursors', 32));
  }

  write(lastId: string, boundTo: readonly string[]): string {
    return `${lastId.replaceAll('-', '')}${this.mac(lastId, boundTo)}`;
  }

  /** The last id seen, or undefined for a cursor that this list did not hand out. */
  read(cursor: string, boundTo: readonly string[]): string | undefined {
    const [, a, b, c, d, e, mac] =
      /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})(.{32})$/.exec(cursor) ?? [];
    if (mac === undefined) return undefined;
    const lastId = [a, b, c, d, e].join('-');
    const [given, expected] = [Buffer.from(mac), Buffer.from(this.mac(lastId, boundTo))];
    return given.length === expected.length && timingSafeEqual(given, expected) ? lastId : undefined;
  }

  private mac(lastId: string, boundTo: readonly string[]): string {
    const text = JSON.stringify([lastId, ...boundTo]);
    return createHmac('sha256', this.key).update(text).digest('base64url').slice(0, 32);
  }
}

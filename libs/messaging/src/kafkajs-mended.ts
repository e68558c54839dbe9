import { createRequire } from 'node:module';

let mended = false;

/** Replaces what kafkajs, which is not maintained any more, does wrong, once per process. */
export function mendKafkajs(): void {
  if (mended) return;
  mended = true;
  const load = createRequire(import.meta.url);
  stopIdleTimerLoop((load('kafkajs/src/network/requestQueue/index.js') as { prototype: RequestQueue }).prototype);
  readAnyRecord((load('kafkajs/src/protocol/decoder.js') as { prototype: Decoder }).prototype);
}

interface RequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}

/**
 * kafkajs re-arms a timer of about 1 ms for every connection even when nothing is pending (kafkajs #1751). A check is
 * needed only while requests wait; a later request that has to wait schedules its own.
 */
function stopIdleTimerLoop(queue: RequestQueue): void {
  const original = Object.getOwnPropertyDescriptor(queue, 'scheduleCheckPendingRequests')?.value as (
    this: RequestQueue,
  ) => void;
  queue.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0) original.call(this);
  };
}

interface Decoder {
  buffer: Buffer;
  offset: number;
  readVarInt(): number;
  readVarIntBytes(): Buffer | null;
  readVarIntArray(read: (decoder: Decoder) => Header): Pick<Header[], 'reduce'>;
}

interface Header {
  readonly key: string;
  readonly value: Buffer | null;
}

/**
 * What a broker has taken must not hold up its reader. kafkajs copies all headers of a record once per header, which takes minutes
 * for 100 kB of them, finds those that are named like a member of every object there already, and takes a length of -2 for a
 * number of bytes, where brokers take every negative one for null. A header without a value is none. Records alone are read by these
 * two methods.
 */
function readAnyRecord(decoder: Decoder): void {
  decoder.readVarIntBytes = function (this: Decoder) {
    const length = this.readVarInt();
    if (length < 0) return null;
    const bytes = this.buffer.subarray(this.offset, this.offset + length);
    this.offset += length;
    return bytes;
  };
  decoder.readVarIntArray = function (this: Decoder, read) {
    const headers = Object.create(null) as Record<string, Buffer | Buffer[]>;
    for (let left = this.readVarInt(); left > 0; left -= 1) {
      const { key, value } = read(this);
      if (value === null) continue;
      const had = headers[key];
      if (had === undefined) headers[key] = value;
      else if (Array.isArray(had)) had.push(value);
      else headers[key] = [had, value];
    }
    // What kafkajs asks of the list is to become this object.
    return { reduce: () => headers } as unknown as Pick<Header[], 'reduce'>;
  };
}

/** One record to publish. The key decides the partition, and with it the order. */
export interface OutgoingRecord {
  readonly topic: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: string;
}

/** Topic to partition to the next offset after what was published there. */
export type PublishedOffsets = ReadonlyMap<string, ReadonlyMap<number, bigint>>;

export interface PublishOptions {
  /** Milliseconds after which the call rejects; the records may or may not have been written by then. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Writes records durably. Calls are carried out one after the other, in the order they were made, and the records of a
 * call keep their order per key.
 */
export interface Publisher {
  /**
   * Resolves once every record is acknowledged by all in-sync replicas.
   *
   * @throws {PublishFailed} some of the records may have been written: publish them again, before any later ones.
   */
  publish(records: readonly OutgoingRecord[], options?: PublishOptions): Promise<PublishedOffsets>;
  close(): Promise<void>;
}

export class PublishFailed extends Error {
  constructor(
    /** `publish.refused`: the broker will never take one of these records, however often it is sent. */
    readonly code: 'publish.timeout' | 'publish.failed' | 'publish.refused' | 'publish.closed',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'PublishFailed';
  }
}

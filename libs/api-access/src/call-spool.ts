import type { OutgoingRecord } from '@rebelcore/messaging/publish/publisher';
import { mkdir, open, readdir, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

const SEGMENT = /^(\d{12})\.ndjson$/;
const SEGMENT_BYTES = 4 * 1024 * 1024;

/** The spool has no room, or the disk has none. Nothing of the append was kept. */
export class SpoolFull extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(`the call spool takes no more: ${reason}`, options);
    this.name = 'SpoolFull';
  }
}

interface Segment {
  readonly path: string;
  bytes: number;
  /** Has lines that cannot be read: it is set aside for a person instead of being deleted. */
  damaged?: boolean;
}

/**
 * Records that wait on disk, in order, while Kafka is away: NDJSON segments in one directory, which belongs to one
 * process. A record is in it once `append` has resolved, whatever is killed afterwards; a torn last line, which nobody was
 * told of, is dropped at the next start.
 */
export class CallSpool {
  private sealed: Segment[] = [];
  private active: (Segment & { readonly file: FileHandle }) | undefined;
  private nextNumber = 1;
  private damagedSegments = 0;
  private lastOperation: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly directory: string,
    private readonly maxBytes: number,
  ) {}

  /** Opens the directory, making it when it is missing, with what a former process left in it. */
  static async open(directory: string, maxBytes: number): Promise<CallSpool> {
    const spool = new CallSpool(directory, maxBytes);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    for (const name of (await readdir(directory)).toSorted()) {
      const number = SEGMENT.exec(name)?.[1];
      if (number === undefined) {
        if (name.endsWith('.damaged')) spool.damagedSegments += 1;
        continue;
      }
      const path = join(directory, name);
      spool.sealed.push({ path, bytes: (await stat(path)).size });
      spool.nextNumber = Number(number) + 1;
    }
    return spool;
  }

  get isEmpty(): boolean {
    return this.sealed.length === 0 && (this.active?.bytes ?? 0) === 0;
  }

  get bytes(): number {
    return this.sealed.reduce((sum, segment) => sum + segment.bytes, this.active?.bytes ?? 0);
  }

  /** Segments with unreadable lines that were set aside, as `….damaged`; their readable lines were delivered. */
  get damaged(): number {
    return this.damagedSegments;
  }

  /**
   * Resolves once the records are on the disk, with one fsync for all of them.
   *
   * @throws {SpoolFull}
   */
  append(records: readonly OutgoingRecord[]): Promise<void> {
    return this.oneAtATime(async () => {
      const lines = Buffer.from(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
      if (this.bytes + lines.length > this.maxBytes) throw new SpoolFull(`${this.maxBytes} bytes may wait at most`);
      const segment = (this.active ??= await this.newSegment());
      try {
        await segment.file.appendFile(lines);
        await segment.file.datasync();
      } catch (error) {
        // Half a line must not stand before whole ones.
        await segment.file.truncate(segment.bytes).catch(() => undefined);
        await this.seal();
        throw new SpoolFull((error as Error).message, { cause: error });
      }
      segment.bytes += lines.length;
      if (segment.bytes >= SEGMENT_BYTES) await this.seal();
    });
  }

  /** The oldest segment's records; undefined when the spool is empty. What is appended from now on comes later. */
  oldest(): Promise<OutgoingRecord[] | undefined> {
    return this.oneAtATime(async () => {
      if (this.sealed.length === 0) await this.seal();
      const [segment] = this.sealed;
      if (segment === undefined) return undefined;
      const lines = (await readFile(segment.path, 'utf8')).split('\n');
      // After the last line break there is nothing, or a line that was never finished.
      lines.pop();
      return lines.flatMap((line) => {
        const record = parseLine(line);
        if (record === undefined) segment.damaged = true;
        return record ?? [];
      });
    });
  }

  /** Forgets the oldest segment; call when its records are safe elsewhere. */
  dropOldest(): Promise<void> {
    return this.oneAtATime(async () => {
      const [segment] = this.sealed;
      if (segment === undefined) return;
      if (segment.damaged === true) {
        await rename(segment.path, `${segment.path}.damaged`);
        this.damagedSegments += 1;
      } else {
        await rm(segment.path, { force: true });
      }
      this.sealed.shift();
    });
  }

  close(): Promise<void> {
    return this.oneAtATime(() => this.seal());
  }

  /**
   * Appending and delivering go on at the same time, and each takes several steps on the same segments. Not `p-queue`: these
   * lines are all that is needed of it, and it would be installed with the package.
   */
  private oneAtATime<T>(work: () => Promise<T>): Promise<T> {
    const operation = this.lastOperation.then(work);
    this.lastOperation = operation.catch(() => undefined);
    return operation;
  }

  private async newSegment(): Promise<Segment & { file: FileHandle }> {
    const path = join(this.directory, `${String(this.nextNumber++).padStart(12, '0')}.ndjson`);
    try {
      const file = await open(path, 'ax', 0o600);
      await this.syncDirectory();
      return { path, bytes: 0, file };
    } catch (error) {
      throw new SpoolFull((error as Error).message, { cause: error });
    }
  }

  /** Without it a machine that loses power may forget the file although its content was synced. */
  private async syncDirectory(): Promise<void> {
    const directory = await open(this.directory, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }

  private async seal(): Promise<void> {
    const segment = this.active;
    if (segment === undefined) return;
    this.active = undefined;
    // Before anything is waited for: looking empty, the spool would let newer calls overtake.
    if (segment.bytes > 0) this.sealed.push({ path: segment.path, bytes: segment.bytes });
    await segment.file.close().catch(() => undefined);
    if (segment.bytes === 0) await rm(segment.path, { force: true });
  }
}

function parseLine(line: string): OutgoingRecord | undefined {
  try {
    return JSON.parse(line) as OutgoingRecord;
  } catch {
    return undefined;
  }
}

import type { OutgoingRecord } from '@rebelcore/messaging/publish/publisher';
import { mkdir, open, readdir, readFile, rename, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { asideName, SpoolFolder, type Segment } from './spool-folder.js';

const ASIDE = /\.(?:damaged|refused)$/;
/** Codes by which a file is gone or cannot be read. Others, such as too many open files, pass. */
const LOST: ReadonlySet<string | undefined> = new Set(['ENOENT', 'EISDIR', 'EACCES', 'EPERM', 'EIO']);
const SEGMENT_BYTES = 4 * 1024 * 1024;

/** The spool has no room, or the disk has none. Nothing of the append was kept. */
export class SpoolFull extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(`the call spool takes no more: ${reason}`, options);
    this.name = 'SpoolFull';
  }
}

interface ActiveSegment {
  readonly path: string;
  bytes: number;
  readonly file: FileHandle;
}

/**
 * Records that wait on disk, in order, while Kafka is away: NDJSON segments in a folder that belongs to this process
 * alone, below a directory that several may share. A record is in it once `append` has resolved, whatever is killed
 * afterwards; a torn last line, which nobody was told of, is dropped at the next start.
 */
export class CallSpool {
  private active: ActiveSegment | undefined;
  private nextNumber = 1;
  /** The oldest segment, once it has been read. */
  private read: { readonly segment: Segment; readonly isDamaged: boolean } | undefined;
  private lastOperation: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly directory: string,
    private readonly maxBytes: number,
    private readonly own: SpoolFolder,
    /** Left by processes that have ended; released as they are emptied. */
    private adopted: readonly SpoolFolder[],
    private sealed: Segment[],
    private asideCount: number,
  ) {}

  /**
   * Opens the directory, making it when it is missing, and takes over what processes that have ended left in it.
   *
   * @param owner whose processes share what they leave, where several services have one directory: `token`
   */
  static async open(directory: string, maxBytes: number, owner = 'process'): Promise<CallSpool> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const adopted = await SpoolFolder.adopt(directory, owner);
    const left = await Promise.all(adopted.map((folder) => folder.segments()));
    const aside = (await readdir(directory)).filter((name) => ASIDE.test(name)).length;
    const own = await SpoolFolder.create(directory, owner);
    const spool = new CallSpool(directory, maxBytes, own, adopted, left.flat(), aside);
    await spool.releaseEmptied();
    return spool;
  }

  get isEmpty(): boolean {
    return this.sealed.length === 0 && (this.active?.bytes ?? 0) === 0;
  }

  get bytes(): number {
    return this.sealed.reduce((sum, segment) => sum + segment.bytes, this.active?.bytes ?? 0);
  }

  /**
   * Files that were set aside for a person: `….damaged` with lines that cannot be read, the others of which were delivered,
   * and `….refused` with records that the broker will never take.
   */
  get setAside(): number {
    return this.asideCount;
  }

  /**
   * Resolves once the records are on the disk, with one fsync for all of them.
   *
   * @throws {SpoolFull}
   */
  append(records: readonly OutgoingRecord[]): Promise<void> {
    return this.oneAtATime(async () => {
      const lines = Buffer.from(linesOf(records));
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
      const text = await readFile(segment.path, 'utf8').catch((error: unknown) => {
        if (!LOST.has((error as NodeJS.ErrnoException).code)) throw error;
      });
      // What the disk does not give back is no reason to keep the others.
      this.read = { segment, isDamaged: text === undefined };
      if (text === undefined) return [];
      const lines = text.split('\n');
      // After the last line break there is nothing, or a line that was never finished.
      lines.pop();
      const records = lines.map(parseLine);
      this.read = { segment, isDamaged: records.includes(undefined) };
      return records.filter((record) => record !== undefined);
    });
  }

  /**
   * Forgets the segment that was read last, once; call when its records are safe elsewhere. Those that never will be are written to a
   * file of their own beside the folders; a segment with lines that cannot be read is moved there. What goes wrong before it is
   * forgotten may be tried again, and what goes wrong after that costs the next segment nothing.
   *
   * @returns the paths of these files
   */
  dropOldest(refused: readonly OutgoingRecord[] = []): Promise<readonly string[]> {
    return this.oneAtATime(async () => {
      if (this.read === undefined) return [];
      const { segment, isDamaged } = this.read;
      const name = join(this.directory, asideName(segment));
      const aside: string[] = [];
      if (refused.length > 0) {
        await writeFile(`${name}.refused`, linesOf(refused), { mode: 0o600, flush: true });
        aside.push(`${name}.refused`);
      }
      if (isDamaged) {
        // One that cannot be moved stays where it is, for the next process to try.
        const moved = await rename(segment.path, `${name}.damaged`).then(
          () => `${name}.damaged`,
          () => segment.path,
        );
        aside.push(moved);
      } else {
        await rm(segment.path, { force: true });
      }
      this.asideCount += aside.length;
      this.sealed.shift();
      this.read = undefined;
      await this.releaseEmptied();
      return aside;
    });
  }

  /** Keeps what is in it for the next process. */
  close(): Promise<void> {
    return this.oneAtATime(async () => {
      await this.seal();
      for (const folder of [...this.adopted, this.own]) await folder.release(this.directory);
    });
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

  private async releaseEmptied(): Promise<void> {
    const emptied = this.adopted.filter((folder) => this.sealed.every((segment) => segment.folder !== folder));
    this.adopted = this.adopted.filter((folder) => !emptied.includes(folder));
    for (const folder of emptied) await folder.release(this.directory);
  }

  private async newSegment(): Promise<ActiveSegment> {
    const path = join(this.own.path, `${String(this.nextNumber++).padStart(12, '0')}.ndjson`);
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
    const directory = await open(this.own.path, 'r');
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
    if (segment.bytes > 0) this.sealed.push({ path: segment.path, bytes: segment.bytes, folder: this.own });
    await segment.file.close().catch(() => undefined);
    if (segment.bytes === 0) await rm(segment.path, { force: true });
  }
}

const spooled = z.object({
  topic: z.string().min(1),
  key: z.string(),
  headers: z.record(z.string(), z.string()),
  value: z.string(),
});

const linesOf = (records: readonly OutgoingRecord[]): string =>
  records.map((record) => `${JSON.stringify(record)}\n`).join('');

function parseLine(line: string): OutgoingRecord | undefined {
  try {
    return spooled.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}

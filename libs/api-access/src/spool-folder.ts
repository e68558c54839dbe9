import { randomUUIDv7 } from 'node:crypto';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const SEGMENT = /^\d{12}\.ndjson$/;
const LOCK = 'lock';

/** A file of records that nothing is added to any more. */
export interface Segment {
  readonly path: string;
  readonly bytes: number;
  readonly folder: SpoolFolder;
}

/**
 * The part of a spool that one process writes to, and nobody else while it lives. SQLite serves for its file lock alone,
 * which Node itself has none of: the kernel gives it up when its holder has ended, however that came, and not while it is
 * merely stopped.
 */
export class SpoolFolder {
  private constructor(
    readonly path: string,
    private readonly lock: DatabaseSync,
  ) {}

  /** A new one below the directory, held at once. */
  static async create(directory: string, owner: string): Promise<SpoolFolder> {
    const path = join(directory, `${owner}-${randomUUIDv7()}`);
    await mkdir(path, { recursive: true, mode: 0o700 });
    const lock = tryLock(path);
    if (lock === undefined) throw new Error(`${path} was taken by another process as it was made`);
    return new SpoolFolder(path, lock);
  }

  /**
   * Those that processes of this owner left behind, oldest first, held from now on; those from before folders had an owner; and
   * the directory itself, in which segments lay before each process had a folder of its own.
   */
  static async adopt(directory: string, owner: string): Promise<SpoolFolder[]> {
    const folders = (await readdir(directory)).map((name) => /^(.+)-(.{36})$/.exec(name) ?? []);
    const names = folders
      .filter(([, of]) => of === owner || of === 'process')
      .toSorted(([, , one = ''], [, , other = '']) => (one < other ? -1 : 1))
      .map(([name = '']) => name);
    const adopted: SpoolFolder[] = [];
    for (const path of [directory, ...names.map((name) => join(directory, name))]) {
      if (path === directory && (await segmentsIn(path)).length === 0) continue;
      const lock = tryLock(path);
      if (lock !== undefined) adopted.push(new SpoolFolder(path, lock));
    }
    return adopted;
  }

  async segments(): Promise<Segment[]> {
    const paths = (await segmentsIn(this.path)).map((name) => join(this.path, name));
    return Promise.all(paths.map(async (path) => ({ path, bytes: (await stat(path)).size, folder: this })));
  }

  /** Lets go of it, and removes it when no segment is left. */
  async release(directory: string): Promise<void> {
    const isDone = (await segmentsIn(this.path).catch(() => [])).length === 0;
    if (isDone) await rm(this.path === directory ? join(directory, LOCK) : this.path, { recursive: true, force: true });
    if (this.lock.isOpen) this.lock.close();
  }
}

const segmentsIn = async (path: string): Promise<string[]> =>
  (await readdir(path)).filter((name) => SEGMENT.test(name)).toSorted();

/** Undefined while another process holds it, or when the folder has gone. */
function tryLock(path: string): DatabaseSync | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(path, LOCK), { timeout: 0 });
    database.exec('pragma journal_mode = memory; begin exclusive');
    return database;
  } catch {
    database?.close();
    return undefined;
  }
}

/** What a segment is called where a person finds it, beside the folders. */
export const asideName = ({ path, folder }: Segment): string => `${basename(folder.path)}-${basename(path)}`;

import type { OutgoingRecord } from '@rebelcore/messaging/publish/publisher';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { CallSpool, SpoolFull } from './call-spool.js';

let directory: string;
const opened: CallSpool[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'call-spool-'));
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((spool) => spool.close()));
  await rm(directory, { recursive: true });
});

const record = (n: number): OutgoingRecord => ({
  topic: 'api.calls.token.v1',
  key: `k${n}`,
  headers: {},
  value: `value ${n}`,
});
async function open(maxBytes = 1_000_000): Promise<CallSpool> {
  const spool = await CallSpool.open(directory, maxBytes);
  opened.push(spool);
  return spool;
}
/** What a process leaves that ended without delivering anything. */
async function leave(...records: OutgoingRecord[]): Promise<void> {
  const spool = await open();
  await spool.append(records);
  await spool.close();
}
const files = async () => (await readdir(directory, { recursive: true })).filter((name) => /[.]/.test(name));
const onlySegment = async () => join(directory, (await files())[0] ?? '');

async function everything(spool: CallSpool): Promise<OutgoingRecord[]> {
  const all: OutgoingRecord[] = [];
  for (let next = await spool.oldest(); next !== undefined; next = await spool.oldest()) {
    all.push(...next);
    await spool.dropOldest();
  }
  return all;
}

/** A real process that has appended and goes on holding its part of the spool. */
async function childWith(first: OutgoingRecord): Promise<ChildProcess> {
  const program = `
    const { CallSpool } = await import(${JSON.stringify(new URL('../dist/call-spool.js', import.meta.url).href)});
    const spool = await CallSpool.open(${JSON.stringify(directory)}, 1_000_000);
    await spool.append([${JSON.stringify(first)}]);
    process.stdout.write('appended');
    setInterval(() => undefined, 1_000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

describe('the call spool', () => {
  it('gives records back in the order they came, and is empty afterwards', async () => {
    const spool = await open();
    await spool.append([record(1), record(2)]);
    await spool.append([record(3)]);
    expect(spool.isEmpty).toBe(false);
    expect(await everything(spool)).toEqual([record(1), record(2), record(3)]);
    expect([spool.isEmpty, await files()]).toEqual([true, []]);
  });

  it('forgets nothing that was not read, however often it is told to forget', async () => {
    await leave(record(1));
    await leave(record(2));
    const spool = await open();
    expect(await spool.oldest()).toEqual([record(1)]);
    await spool.dropOldest();
    await spool.dropOldest();
    expect(await spool.oldest()).toEqual([record(2)]);
  });

  it('keeps what came while the oldest was being delivered, for later', async () => {
    const spool = await open();
    await spool.append([record(1)]);
    expect(await spool.oldest()).toEqual([record(1)]);
    await spool.append([record(2)]);
    await spool.dropOldest();
    expect(await everything(spool)).toEqual([record(2)]);
  });

  it('finds after a kill what a former process left, before what comes now', async () => {
    await leave(record(1));
    const next = await open();
    await next.append([record(2)]);
    expect(await everything(next)).toEqual([record(1), record(2)]);
  });

  it('drops a torn last line, which nobody was told of, and keeps the whole ones', async () => {
    await leave(record(1), record(2));
    await appendFile(await onlySegment(), '{"topic":"api.calls.token.v1","key":"k3","va');
    expect(await everything(await open())).toEqual([record(1), record(2)]);
  });

  it('is not misled by a segment that lost its end', async () => {
    await leave(record(1), record(2));
    const segment = await onlySegment();
    await truncate(segment, (await stat(segment)).size - 3);
    expect(await everything(await open())).toEqual([record(1)]);
  });

  it('refuses what does not fit, keeps nothing of it, and goes on once there is room', async () => {
    const spool = await open(150);
    await spool.append([record(1)]);
    await expect(spool.append([record(2), record(3)])).rejects.toThrow(SpoolFull);
    expect(await everything(spool)).toEqual([record(1)]);
    await spool.append([record(4)]);
    expect(await everything(spool)).toEqual([record(4)]);
  });

  it('loses nothing when it is delivered from while it is written to', async () => {
    const spool = await open();
    const delivered: OutgoingRecord[] = [];
    const writing = new AbortController();
    const delivering = (async () => {
      while (!writing.signal.aborted || !spool.isEmpty) {
        delivered.push(...((await spool.oldest()) ?? []));
        await spool.dropOldest();
      }
    })();
    const all = Array.from({ length: 100 }, (_, n) => record(n));
    for (const each of all) await spool.append([each]);
    writing.abort();
    await delivering;
    expect(delivered).toEqual(all);
  });

  it('never looks empty while something waits in it', async () => {
    const spool = await open();
    await spool.append([record(1)]);
    let delivered = false;
    const delivering = spool.oldest().finally(() => (delivered = true));
    const seen = new Set<boolean>();
    do {
      seen.add(spool.isEmpty).add(spool.bytes === 0);
      await new Promise((resolve) => setImmediate(resolve));
    } while (!(delivered as boolean));
    await delivering;
    expect([...seen]).toEqual([false]);
  });

  it('delivers what can be read of a damaged segment and sets the file aside', async () => {
    await leave(record(1));
    await appendFile(await onlySegment(), '\0\0\0\n{"topic":"api.calls.token.v1","key":7}\n');
    const next = await open();
    expect(await everything(next)).toEqual([record(1)]);
    expect([next.setAside, (await open()).setAside]).toEqual([1, 1]);
    expect(await files()).toEqual([expect.stringMatching(/\.damaged$/)]);
  });

  it.each([
    ['is gone', (path: string) => rm(path)],
    ['the disk does not give back', (path: string) => rm(path).then(() => mkdir(path))],
  ])('goes on with the others where a segment %s, and says so', async (_, lose) => {
    await leave(record(1));
    const lost = await onlySegment();
    await leave(record(2));
    const next = await open();
    await lose(lost);
    expect(await next.oldest()).toEqual([]);
    expect(await next.dropOldest()).toEqual([expect.stringContaining(basename(lost))]);
    expect([await everything(next), next.setAside]).toEqual([[record(2)], 1]);
  });

  it('keeps a segment that cannot be read for a reason that may pass, as too many open files are', async () => {
    await leave(record(1));
    const path = await onlySegment();
    const next = await open();
    await rename(path, `${path}.away`);
    // Stands for them: another code than those of a file that is lost.
    await symlink(path, path);
    await expect(next.oldest()).rejects.toThrow('ELOOP');
    await rename(`${path}.away`, path);
    expect([await everything(next), next.setAside]).toEqual([[record(1)], 0]);
  });

  it('of one service is no other’s, where both have one directory', async () => {
    await leave(record(1));
    const token = await CallSpool.open(directory, 1_000, 'token');
    opened.push(token);
    expect(await everything(token)).toEqual([record(1)]);
    await token.append([record(2)]);
    await token.close();
    expect((await CallSpool.open(directory, 1_000, 'token-two')).isEmpty).toBe(true);
    expect(await everything(await CallSpool.open(directory, 1_000, 'token'))).toEqual([record(2)]);
  });

  it('says that it is full when the disk takes nothing', async () => {
    const spool = await open();
    await rm(directory, { recursive: true });
    await expect(spool.append([record(1)])).rejects.toThrow(SpoolFull);
    await CallSpool.open(directory, 1);
  });

  it('keeps two processes on one directory apart, and each its own records', async () => {
    const [one, other] = [await open(), await open()];
    await one.append([record(1)]);
    await other.append([record(2)]);
    expect([await everything(one), await everything(other)]).toEqual([[record(1)], [record(2)]]);
  });

  it('takes over what a process left only once that has ended, however it ended', async () => {
    const child = await childWith(record(1));
    expect((await open()).isEmpty).toBe(true);
    child.kill('SIGSTOP');
    expect((await open()).isEmpty).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const next = await open();
    expect((await open()).isEmpty).toBe(true);
    expect([await everything(next), await files()]).toEqual([[record(1)], []]);
  });

  it('takes over what lies in the directory from before each process had a folder', async () => {
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, '000000000001.ndjson'), `${JSON.stringify(record(1))}\n`);
    const next = await open();
    await next.append([record(2)]);
    expect([await everything(next), await files()]).toEqual([[record(1), record(2)], []]);
  });

  it('sets records aside that will never be delivered, and names the file', async () => {
    const spool = await open();
    await spool.append([record(1), record(2)]);
    await spool.oldest();
    const [path] = await spool.dropOldest([record(2)]);
    expect(path).toMatch(/\.refused$/);
    expect(await readFile(path ?? '', 'utf8')).toBe(`${JSON.stringify(record(2))}\n`);
    expect([spool.isEmpty, spool.setAside]).toEqual([true, 1]);
  });

  it('shows its content to nobody else', async () => {
    await (await open()).append([record(1)]);
    expect((await stat(await onlySegment())).mode & 0o077).toBe(0);
  });
});

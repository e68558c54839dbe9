import type { OutgoingRecord } from '@rebelcore/messaging/publish/publisher';
import { appendFile, mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
  topic: 'api.calls.v1',
  key: `k${n}`,
  headers: {},
  value: `value ${n}`,
});
/** A process that opens the directory; nothing but closing it at the end tells that it was not killed. */
async function open(maxBytes = 1_000_000): Promise<CallSpool> {
  const spool = await CallSpool.open(directory, maxBytes);
  opened.push(spool);
  return spool;
}
const onlySegment = async () => join(directory, (await readdir(directory))[0] ?? '');

async function everything(spool: CallSpool): Promise<OutgoingRecord[]> {
  const all: OutgoingRecord[] = [];
  for (let next = await spool.oldest(); next !== undefined; next = await spool.oldest()) {
    all.push(...next);
    await spool.dropOldest();
  }
  return all;
}

describe('the call spool', () => {
  it('gives records back in the order they came, and is empty afterwards', async () => {
    const spool = await open();
    await spool.append([record(1), record(2)]);
    await spool.append([record(3)]);
    expect(spool.isEmpty).toBe(false);
    expect(await everything(spool)).toEqual([record(1), record(2), record(3)]);
    expect([spool.isEmpty, await readdir(directory)]).toEqual([true, []]);
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
    await (await open()).append([record(1)]);
    const next = await open();
    await next.append([record(2)]);
    expect(await everything(next)).toEqual([record(1), record(2)]);
  });

  it('drops a torn last line, which nobody was told of, and keeps the whole ones', async () => {
    await (await open()).append([record(1), record(2)]);
    await appendFile(await onlySegment(), '{"topic":"api.calls.v1","key":"k3","va');
    expect(await everything(await open())).toEqual([record(1), record(2)]);
  });

  it('is not misled by a segment that lost its end', async () => {
    await (await open()).append([record(1), record(2)]);
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
    await (await open()).append([record(1)]);
    await appendFile(await onlySegment(), '\0\0\0\n');
    const next = await open();
    expect(await everything(next)).toEqual([record(1)]);
    expect([next.damaged, (await open()).damaged]).toEqual([1, 1]);
    expect(await readdir(directory)).toEqual([expect.stringMatching(/\.damaged$/)]);
  });

  it('says that it is full when the disk takes nothing', async () => {
    const spool = await open();
    await rm(directory, { recursive: true });
    await expect(spool.append([record(1)])).rejects.toThrow(SpoolFull);
    await CallSpool.open(directory, 1);
  });

  it('shows its content to nobody else', async () => {
    await (await open()).append([record(1)]);
    expect((await stat(await onlySegment())).mode & 0o077).toBe(0);
  });
});

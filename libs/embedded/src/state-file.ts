import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { z } from 'zod';

/** What the file holds; undefined where it is missing or damaged, as after a crash of the machine. */
export function readState<T>(file: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.safeParse(JSON.parse(readFileSync(file, 'utf8'))).data;
  } catch {
    return undefined;
  }
}

/** Is there whole or not at all, also after a crash of the machine; readable by its owner only. */
export function writeState(file: string, value: unknown): void {
  const partial = `${file}.new`;
  const descriptor = openSync(partial, 'w', 0o600);
  try {
    writeSync(descriptor, JSON.stringify(value, undefined, 2));
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(partial, file);
  const folder = openSync(dirname(file), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { readState, writeState } from './state-file.js';

/** Random secrets of one data folder, made when first asked for and kept in `secrets.json` (mode 0600). */
export class Secrets {
  private readonly file: string;
  private readonly values: Record<string, string>;

  /** @throws {Error} when they are lost and there is data that was made with them */
  constructor(dataDir: string) {
    mkdirSync(dataDir, { recursive: true });
    this.file = join(dataDir, 'secrets.json');
    const values = readState(this.file, z.record(z.string(), z.string()));
    if (values === undefined && ['postgres', 'kafka'].some((part) => existsSync(join(dataDir, part)))) {
      throw new Error(
        `${this.file} is ${existsSync(this.file) ? 'damaged' : 'missing'}, and the data beside it cannot be used without it: ` +
          `restore it from a backup, or remove ${dataDir} to start anew without the data.`,
      );
    }
    this.values = values ?? {};
  }

  /** 192 bits in hexadecimal, for passwords and bearer tokens. */
  text(name: string): string {
    return this.keep(name, () => randomBytes(24).toString('hex'));
  }

  /** 256 bits in base64url, for keys. */
  key(name: string): string {
    return this.keep(name, () => randomBytes(32).toString('base64url'));
  }

  /** One that somebody else has made, or undefined. */
  find(name: string): string | undefined {
    return this.values[name];
  }

  /** What the names of those that begin with `prefix` say behind it. */
  namesBehind(prefix: string): string[] {
    return Object.keys(this.values).flatMap((name) => (name.startsWith(prefix) ? [name.slice(prefix.length)] : []));
  }

  /** Keeps one that somebody else has made. */
  store(name: string, value: string): void {
    if (this.values[name] === value) return;
    this.values[name] = value;
    writeState(this.file, this.values);
  }

  private keep(name: string, make: () => string): string {
    const known = this.values[name];
    if (known !== undefined) return known;
    const made = make();
    this.store(name, made);
    return made;
  }
}

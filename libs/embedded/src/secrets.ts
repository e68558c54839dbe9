import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Random secrets of one data folder, made when first asked for and kept in `secrets.json` (mode 0600). */
export class Secrets {
  private readonly file: string;
  private readonly values: Record<string, string>;

  constructor(dataDir: string) {
    mkdirSync(dataDir, { recursive: true });
    this.file = join(dataDir, 'secrets.json');
    this.values = existsSync(this.file) ? (JSON.parse(readFileSync(this.file, 'utf8')) as Record<string, string>) : {};
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

  /** Keeps one that somebody else has made. */
  store(name: string, value: string): void {
    this.values[name] = value;
    this.save();
  }

  private keep(name: string, make: () => string): string {
    const known = this.values[name];
    if (known !== undefined) return known;
    const made = (this.values[name] = make());
    this.save();
    return made;
  }

  private save(): void {
    writeFileSync(this.file, JSON.stringify(this.values, undefined, 2), { mode: 0o600 });
    chmodSync(this.file, 0o600);
  }
}

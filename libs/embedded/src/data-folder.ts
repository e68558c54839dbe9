import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ProcessRegistry } from './processes.js';
import { Secrets } from './secrets.js';

/** The folder in which a system keeps everything of its own, and what is kept there. */
export interface DataFolder {
  readonly dataDir: string;
  readonly logDir: string;
  /** What of this system is running. */
  readonly registry: ProcessRegistry;
  readonly secrets: Secrets;
}

/**
 * Takes a folder over and makes it where there is none.
 *
 * @throws {Error} when its system is still running under a living launcher
 */
export async function openDataFolder(dataDir: string): Promise<DataFolder> {
  const registry = await ProcessRegistry.open(dataDir);
  const logDir = join(dataDir, 'logs');
  mkdirSync(logDir, { recursive: true });
  return { dataDir, logDir, registry, secrets: new Secrets(dataDir) };
}

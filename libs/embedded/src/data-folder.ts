import { chmodSync, mkdirSync, readdirSync } from 'node:fs';
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
  // For this account alone, whatever this process and its children write from here on.
  process.umask(0o077);
  const registry = await ProcessRegistry.open(dataDir);
  const logDir = join(dataDir, 'logs');
  mkdirSync(logDir, { recursive: true });
  closeToOthers(dataDir);
  return { dataDir, logDir, registry, secrets: new Secrets(dataDir) };
}

/**
 * Also what an earlier version has left open. Under root, PostgreSQL runs as another user and must pass through the folder, in
 * which it can list nothing; its own is closed by itself. The claim of a launcher that begins at the same moment comes and goes.
 */
function closeToOthers(dataDir: string): void {
  chmodSync(dataDir, process.getuid?.() === 0 ? 0o711 : 0o700);
  for (const entry of readdirSync(dataDir, { withFileTypes: true })) {
    if (entry.name === 'postgres' || entry.name.endsWith('.claim') || entry.isSymbolicLink()) continue;
    chmodSync(join(dataDir, entry.name), entry.isDirectory() ? 0o700 : 0o600);
  }
}

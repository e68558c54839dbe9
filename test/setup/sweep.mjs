import { readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProcessRegistry } from '@rebelcore/embedded/processes';

/** Stops and removes what killed test runs left behind; those of a run that is still alive are left alone. */
export async function sweep(prefix) {
  for (const name of readdirSync(tmpdir()).filter((each) => each.startsWith(prefix))) {
    const dataDir = join(tmpdir(), name);
    const registry = await ProcessRegistry.open(dataDir).catch(() => undefined);
    if (registry === undefined) continue;
    registry.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

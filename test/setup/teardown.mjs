import { rmSync } from 'node:fs';

export default async function stop() {
  const dataDir = await globalThis.stopInfrastructure?.();
  if (dataDir !== undefined && process.env.KEEP_TEST_DATA === undefined)
    rmSync(dataDir, { recursive: true, force: true });
}

import { rmSync } from 'node:fs';

// Each project of one run has brought something of its own; Jest loads this file anew for each.
const stops = (globalThis.stopsOfInfrastructure ??= []);

/** @param {() => Promise<string>} stop answers the folder that is then of no more use */
export function onTeardown(stop) {
  stops.push(stop);
}

export default async function tearDown() {
  for (const stop of stops.splice(0)) {
    const dataDir = await stop();
    if (process.env.KEEP_TEST_DATA === undefined) rmSync(dataDir, { recursive: true, force: true });
  }
}

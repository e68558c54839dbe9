// Before the journey tier: the whole product, as `npm start` runs it, on free ports and in a folder of its own.
import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataFolder } from '@rebelcore/embedded/data-folder';
import { kafkaLogin } from '@rebelcore/embedded/kafka';
import { databaseUrl } from '@rebelcore/embedded/databases';
import { EVERY_CUSTOMER, withSessionSettings } from '@rebelcore/messaging/session-settings';
import { startSystem } from '../../apps/launcher/dist/system/system.js';
import { sweep } from './sweep.mjs';
import { onTeardown } from './teardown.mjs';

export default function start() {
  return startTestSystem('api-users-journeys-', { token: 2, audit: 2 });
}

/** What the tests are told of it stands in environment variables, which their processes inherit. */
export async function startTestSystem(prefix, replicas) {
  await sweep(prefix);
  const dataDir = mkdtempSync(join(tmpdir(), prefix));
  chmodSync(dataDir, 0o755);
  const folder = await openDataFolder(dataDir);
  const system = await startSystem(folder, { ports: 'free', replicas });
  process.env.TEST_SYSTEM = JSON.stringify(system.endpoints);
  process.env.TEST_KAFKA_ADMIN = JSON.stringify(kafkaLogin('admin', folder.secrets));
  process.env.TEST_SYSTEM_LOGS = system.logDir;
  process.env.TEST_SYSTEM_DATA = dataDir;
  process.env.TEST_SERVICES = JSON.stringify(
    system.services.map(({ name, url, process: { pid } }) => ({ name, url, pid })),
  );
  process.env.TEST_TOKEN_REPLICAS = JSON.stringify(
    system.services.filter(({ name }) => name === 'token').map(({ url }) => url),
  );
  const ownerOf = (database) =>
    withSessionSettings(databaseUrl(system.postgres.superuserUrl, database, 'owner', folder.secrets), [EVERY_CUSTOMER]);
  process.env.TEST_OWNER_DATABASES = JSON.stringify({
    identity: ownerOf('identity'),
    token: ownerOf('token'),
    audit: ownerOf('audit'),
  });
  onTeardown(async () => {
    await system.stop();
    return dataDir;
  });
}

import { Projection } from '@rebelcore/messaging/project/projection';
import { databaseUrl } from '@rebelcore/service/config';
import { openPool } from '@rebelcore/service/database';
import { createLogger } from '@rebelcore/service/log';
import { discardParked, parsePlaces } from './activity/discard.js';
import { ACTIVITY_VIEW } from './activity/activity.projector.js';

const [by = '', why = '', ...places] = process.argv.slice(2);
try {
  const pool = openPool(databaseUrl('audit', 'service'), { max: 1 });
  try {
    const projection = new Projection({ pool, view: ACTIVITY_VIEW, logger: createLogger('audit', 'error') });
    const wanted = parsePlaces(places);
    const gone = await discardParked(projection, wanted, { by, why });
    process.stdout.write(
      `audit: ${gone} of ${places.length} records let go; the others are not parked (any more), or what comes after them waits for them.\n`,
    );
  } finally {
    await pool.end();
  }
} catch (error) {
  process.stderr.write(`audit: nothing more was let go: ${(error as Error).message}\n`);
  process.exitCode = 1;
}

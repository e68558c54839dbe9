// Before the browser tests: the whole product, as `npm start` runs it, on free ports and in a folder of its own.
import { startTestSystem } from '../setup/system.mjs';
import stop from '../setup/teardown.mjs';

export default async function start() {
  await startTestSystem('api-users-browser-', {});
  return stop;
}

// npm run test:start [-- --quick]: npm start on a machine that is not friendly, in a copy of the project that is thrown away.
import { CASES } from './cases.mjs';
import { Copy } from './copy.mjs';

const quick = process.argv.includes('--quick');
const copy = new Copy("it's, 5% é:ö");
const shared = {};
let failed = 0;
for (const { title, run } of CASES.filter((each) => !quick || each.quick)) {
  const started = performance.now();
  try {
    await run(copy, shared);
    console.log(`ok      ${title} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  } catch (error) {
    // The next ones need what this one has left.
    failed += 1;
    console.log(`failed  ${title}\n${error.stack}`);
    break;
  }
}
await copy.remove();
process.exit(failed === 0 ? 0 : 1);

// npm run test:start [-- --quick] [WORDS]: npm start on machines that are not friendly, in a copy of the project that is
// thrown away. WORDS choose the cases with these words in their titles.
import { CASES, FIRST, LAST } from './cases.mjs';
import { Copy } from './copy.mjs';

const args = process.argv.slice(2);
const quick = args.includes('--quick');
const words = args.filter((arg) => !arg.startsWith('--')).join(' ');
const chosen = CASES.filter((each) => (quick ? each.quick : each.title.includes(words)));
const cases = quick ? [...FIRST, ...chosen, ...LAST.slice(-1)] : [...FIRST, ...chosen, ...LAST];
const copy = new Copy("it's, 5% é:ö");
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => void Copy.removeAll().finally(() => process.exit(130)));
}
const shared = {};
const secondsSince = (start) => ((performance.now() - start) / 1000).toFixed(1);
const started = performance.now();
let failed = false;
for (const { title, possible, run } of cases) {
  if (possible?.() === false) {
    console.log(`left out  ${title}`);
    continue;
  }
  const begun = performance.now();
  try {
    await run(copy, shared);
    console.log(`ok        ${title} (${secondsSince(begun)} s)`);
  } catch (error) {
    // The next ones need what this one has left.
    failed = true;
    console.log(`failed    ${title}\n${error.stack}`);
    break;
  }
}
await Copy.removeAll();
console.log(`${failed ? 'failed' : 'ok'} after ${secondsSince(started)} s`);
process.exit(failed ? 1 : 0);

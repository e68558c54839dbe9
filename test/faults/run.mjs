// npm run test:faults [-- F01 F09 … --short --gate --unprotected --keep-data]. SEED plays a run again, ROUNDS repeats it
// with the next seeds. --short: every scenario for a shorter time, with only those of its harms that the seed picks.
// --gate: what `npm test` plays, on one Kafka node.
import { readFileSync } from 'node:fs';
import { SCENARIOS } from './scenarios.mjs';
import { PROTECTIONS } from './protections.mjs';
import { Scenario } from './scenario.mjs';
import { FaultSystem } from './system.mjs';
import { sweep } from '../setup/sweep.mjs';
import { printTable } from './table.mjs';

const args = process.argv.slice(2);
const gate = args.includes('--gate');
const short = gate || args.includes('--short');
const unprotected = args.includes('--unprotected');
const keepData = args.includes('--keep-data');
const wanted = args.filter((arg) => !arg.startsWith('--'));
// What decides about a change does not change by itself.
const firstSeed = Number(process.env.SEED ?? (gate ? 1 : Date.now() % 2 ** 31));
const rounds = Number(process.env.ROUNDS ?? 1);
const started = Date.now();
const say = (line) => process.stdout.write(`${((Date.now() - started) / 1000).toFixed(1).padStart(7)} s  ${line}\n`);

const chosen = SCENARIOS.filter((each) => (wanted.length > 0 ? wanted.includes(each.id) : each.gate || !gate));
const unknown = wanted.filter((id) => !SCENARIOS.some((scenario) => scenario.id === id));
if (unknown.length > 0) throw new Error(`there is no scenario ${unknown.join(', ')}`);

const rows = [];
let running;
// A terminal sends the signal to this process and npm does so once more: only the first counts.
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    if (interrupted) return;
    interrupted = true;
    printTable(rows);
    // What a start has begun is ended by the next run's sweep.
    void Promise.resolve(running?.stop({ keepData })).finally(() => process.exit(130));
  });
}

// In each run, so that a protection whose text has changed is noticed before somebody wants to see what happens without it.
for (const { scenario, edits } of PROTECTIONS) {
  for (const { file, from } of edits) {
    const source = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
    if (!source.includes(from)) throw new Error(`protections.mjs, ${scenario}: ${file} no longer contains: ${from}`);
  }
}
await sweep('api-users-faults-');
if (unprotected) {
  // Each in a system of its own, from which its protection is missing: it must be seen to fail.
  for (const [index, { scenario, what }] of PROTECTIONS.entries()) {
    const it = chosen.find(({ id }) => id === scenario);
    if (it === undefined) continue;
    say(`${scenario} without: ${what}`);
    await withSystem(index, (system) => play(system, it, firstSeed));
  }
} else {
  await withSystem(undefined, async (system) => {
    for (let round = 0; round < rounds; round += 1) {
      for (const scenario of chosen) await play(system, scenario, firstSeed + round);
    }
  });
}
printTable(rows);
const failed = rows.filter(({ ok }) => !ok);
process.exit((unprotected ? failed.length === rows.length : failed.length === 0) && rows.length > 0 ? 0 : 1);

async function withSystem(without, work) {
  running = await FaultSystem.start({ kafkaNodes: gate ? 1 : 3, unprotected: without, progress: say });
  try {
    await work(running);
  } finally {
    await running.stop({ keepData });
    if (keepData) say(`data kept in ${running.dataDir}`);
    running = undefined;
  }
}

async function play(system, { id, title, run, needs = {} }, seed) {
  const begun = Date.now();
  let scenario;
  let found;
  say(`${id} ${title}: SEED=${seed}`);
  try {
    await system.settled();
    scenario = await Scenario.prepare({ system, id, seed, short, ...needs });
    await run(scenario);
    await system.heal();
    await system.settled();
    found = await scenario.judge();
  } catch (error) {
    found = { lost: [], doubled: [], open: [], wrong: [...(scenario?.wrong ?? []), described(error)] };
    await scenario?.stopLoads();
    await system.heal().catch((failure) => say(`the system could not be healed: ${described(failure)}`));
  }
  const ok = Object.values(found).every((sentences) => sentences.length === 0);
  const seconds = (Date.now() - begun) / 1000;
  rows.push({ id, seed, seconds, ...(scenario?.ledger.counts ?? {}), found, ok });
  for (const note of scenario?.notes ?? []) say(`${id}   ${note}`);
  say(`${id} ${ok ? 'ok' : 'FAILED'} after ${seconds.toFixed(1)} s${sentencesOf(found)}`);
}

function sentencesOf(found) {
  const lines = Object.entries(found).flatMap(([kind, sentences]) => {
    const more = sentences.length > 12 ? [`… and ${sentences.length - 12} more`] : [];
    return [...sentences.slice(0, 12), ...more].map((sentence) => `\n${' '.repeat(11)}${kind}: ${sentence}`);
  });
  return lines.join('');
}

function described(error) {
  const cause = error.cause === undefined ? '' : ` (${described(error.cause)})`;
  return `${error.stack?.split('\n').slice(0, 3).join(' ') ?? String(error)}${cause}`;
}

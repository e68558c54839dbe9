import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { figure } from './rounds.mjs';

const LOAD_BEFORE = loadavg()[0];
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const RESULTS = join(ROOT, 'bench', 'results');
const BEGIN = '<!-- results: written by npm run bench -->';
const END = '<!-- end of results -->';

/**
 * A row of a bench: `{what, value | spread, unit, target, atLeast | atMost}`. Rows without a target only inform.
 *
 * @typedef {{what: string, value?: number, spread?: {median: number, min: number, max: number, rounds: number},
 *   unit?: string, atLeast?: number, atMost?: number}} Row
 */

/** Prints the rows, keeps them as JSON with machine and commit, and writes all kept results into docs/performance.md. */
export async function report(name, rows, settings) {
  const missing = rows.find((row) => !Number.isFinite(measured(row)));
  if (missing) throw new Error(`${name}: "${missing.what}" was not measured`);
  const result = { name, at: new Date().toISOString(), ...origin(), settings, rows };
  console.log(`\n${name}\n${asText(rows)}\n`);
  mkdirSync(RESULTS, { recursive: true });
  await write(join(RESULTS, `${name}.json`), JSON.stringify(result));
  await writePage();
}

const ORDER = [
  'authorize',
  'guard',
  'append',
  'ingest',
  'deactivate',
  'sign-in',
  'refusals',
  'rebuild',
  'start',
  'soak',
];

/** As the project formats its files. */
async function write(file, text) {
  writeFileSync(file, await format(text, { ...(await resolveConfig(file)), filepath: file }));
}

async function writePage() {
  const file = join(ROOT, 'docs', 'performance.md');
  const page = readFileSync(file, 'utf8');
  const results = readdirSync(RESULTS)
    .filter((each) => each.endsWith('.json'))
    .map((each) => JSON.parse(readFileSync(join(RESULTS, each), 'utf8')))
    .sort((a, b) => ORDER.indexOf(a.name) - ORDER.indexOf(b.name));
  const tables = results.map(
    ({ name, at, machine, commit, settings, rows }) =>
      `### ${name}\n\n${at.slice(0, 16).replace('T', ' ')} UTC, commit ${commit}, ${machine}${settingsText(settings)}\n\n${asMarkdown(rows)}`,
  );
  const before = page.slice(0, page.indexOf(BEGIN) + BEGIN.length);
  const after = page.slice(page.indexOf(END));
  await write(file, `${before}\n\n${tables.join('\n\n')}\n\n${after}`);
}

function settingsText(settings = {}) {
  const parts = Object.entries(settings).map(([key, value]) => `${key} ${value}`);
  return parts.length > 0 ? `; ${parts.join(', ')}` : '';
}

function origin() {
  const git = (...args) => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim();
  const changed = git('status', '--porcelain', '--', 'apps', 'libs') === '' ? '' : ' with changes';
  const [cpu] = cpus();
  return {
    commit: `${git('rev-parse', '--short', 'HEAD')}${changed}`,
    machine: `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.versions.node}, load ${LOAD_BEFORE.toFixed(1)} before it began`,
  };
}

const measured = (row) => (row.spread ? row.spread.median : row.value);
const range = ({ spread }) => (spread ? `${figure(spread.min)} – ${figure(spread.max)}` : '');

function verdict(row) {
  if (row.atLeast === undefined && row.atMost === undefined) return '';
  const holds =
    (row.atLeast === undefined || measured(row) >= row.atLeast) &&
    (row.atMost === undefined || measured(row) <= row.atMost);
  return holds ? 'yes' : 'NO';
}

const cells = (row) => [
  row.what,
  `${figure(measured(row))}${row.unit ? ` ${row.unit}` : ''}`,
  range(row),
  row.atLeast !== undefined ? `≥ ${row.atLeast}` : row.atMost !== undefined ? `≤ ${row.atMost}` : '',
  verdict(row),
];
const HEAD = ['what', 'median', 'min – max', 'target', 'holds'];

function asText(rows) {
  const lines = [HEAD, ...rows.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function asMarkdown(rows) {
  const line = (values) => `| ${values.join(' | ')} |`;
  return [line(HEAD), line(HEAD.map(() => '---')), ...rows.map((row) => line(cells(row)))].join('\n');
}

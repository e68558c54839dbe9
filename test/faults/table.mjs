const COUNTS = ['acknowledged', 'unknown', 'refused', 'lost', 'doubled', 'open', 'other'];
const COLUMNS = ['scenario', 'seed', 'seconds', ...COUNTS, ''];
const TOTALS = ['scenario', 'seeds', 'seconds', ...COUNTS, 'failed'];

/** What was played, a row each, and with several seeds what they come to together. */
export function printTable(rows) {
  const played = rows.map(({ id, seed, seconds, acknowledged, unknown, refused, found, ok }) => ({
    id,
    seed,
    seconds,
    acknowledged: acknowledged ?? 0,
    unknown: unknown ?? 0,
    refused: refused ?? 0,
    ok,
    lost: found.lost.length,
    doubled: found.doubled.length,
    open: found.open.length,
    other: found.wrong.length,
  }));
  print(
    COLUMNS,
    played.map((row) => [row.id, row.seed, row.seconds.toFixed(1), ...counts(row), row.ok ? 'ok' : 'FAILED']),
  );
  const byScenario = Map.groupBy(played, ({ id }) => id);
  if (byScenario.size < played.length) print(TOTALS, [...byScenario].map(totals));
}

const counts = (row) => COUNTS.map((name) => row[name]);

function totals([id, rows]) {
  const sum = (name) => rows.reduce((total, row) => total + row[name], 0);
  return [id, rows.length, sum('seconds').toFixed(0), ...COUNTS.map(sum), rows.filter(({ ok }) => !ok).length];
}

function print(titles, lines) {
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...lines.map((line) => String(line[column]).length)),
  );
  process.stdout.write('\n');
  for (const cells of [titles, ...lines]) {
    const padded = cells.map((cell, column) =>
      column === 0 ? String(cell).padEnd(widths[column]) : String(cell).padStart(widths[column]),
    );
    process.stdout.write(`${padded.join('  ').trimEnd()}\n`);
  }
}

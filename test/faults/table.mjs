const COLUMNS = [
  'scenario',
  'seed',
  'seconds',
  'acknowledged',
  'unknown',
  'refused',
  'lost',
  'doubled',
  'open',
  'other',
  '',
];

export function printTable(rows) {
  const lines = rows.map(({ id, seed, seconds, acknowledged, unknown, refused, found, ok }) => [
    ...[id, seed, seconds.toFixed(1), acknowledged ?? 0, unknown ?? 0, refused ?? 0],
    ...[found.lost.length, found.doubled.length, found.open.length, found.wrong.length, ok ? 'ok' : 'FAILED'],
  ]);
  const widths = COLUMNS.map((title, column) =>
    Math.max(title.length, ...lines.map((line) => String(line[column]).length)),
  );
  const print = (cells) => {
    const padded = cells.map((cell, column) =>
      column === 0 ? String(cell).padEnd(widths[column]) : String(cell).padStart(widths[column]),
    );
    process.stdout.write(`${padded.join('  ').trimEnd()}\n`);
  };
  process.stdout.write('\n');
  print(COLUMNS);
  lines.forEach(print);
}

import type { ActivityItem } from '../activity/activity.query.js';

/** How entries are written into a file, one after the other. */
export interface ExportFormat {
  readonly mediaType: string;
  readonly head: string;
  line(entry: ActivityItem): string;
}

const COLUMNS = [
  'id',
  'occurred_at',
  'event_type',
  'outcome',
  'user_id',
  'description',
  'correlation_id',
  'metadata',
] as const satisfies (keyof ActivityItem)[];

/** A spreadsheet would compute what begins so. */
const FORMULA = /^[=+\-@\t\r]/;

/** RFC 4180; what a spreadsheet would take for a formula begins with an apostrophe. */
function cell(value: string): string {
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function textOf(value: ActivityItem[(typeof COLUMNS)[number]]): string {
  if (value instanceof Date) return value.toISOString();
  if (value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export const EXPORT_FORMATS = {
  csv: {
    mediaType: 'text/csv; charset=utf-8',
    head: `${COLUMNS.join(',')}\r\n`,
    line: (entry) => `${COLUMNS.map((column) => cell(textOf(entry[column]))).join(',')}\r\n`,
  },
  ndjson: {
    mediaType: 'application/x-ndjson',
    head: '',
    line: (entry) => `${JSON.stringify(entry)}\n`,
  },
} as const satisfies Record<string, ExportFormat>;

import type { ActivityItem } from '../activity/activity.query.js';
import { EXPORT_FORMATS } from './export-format.js';

const entry: ActivityItem = {
  id: '0198a1de-cccc-7000-8000-000000000001',
  customer_id: '0198a1de-bbbb-7000-8000-000000000001',
  user_id: null,
  event_type: 'role.add',
  occurred_at: new Date('2026-11-27T12:03:04.120Z'),
  outcome: 'success',
  description: 'Role "a,b" was added',
  metadata: { permissions: '' },
  correlation_id: 'api:1',
};
const { csv, ndjson } = EXPORT_FORMATS;

describe('an entry in an exported file', () => {
  it('is one line of CSV, with quotes and commas kept', () => {
    expect(csv.head).toBe('id,occurred_at,event_type,outcome,user_id,description,correlation_id,metadata\r\n');
    expect(csv.line(entry)).toBe(
      '0198a1de-cccc-7000-8000-000000000001,2026-11-27T12:03:04.120Z,role.add,success,,"Role ""a,b"" was added",api:1,"{""permissions"":""""}"\r\n',
    );
  });

  // S10
  it.each(['=cmd', '+1', '-1', '@sum', '\ttab', '\rline'])(
    'is no formula of a spreadsheet when it begins as %j',
    (text) => {
      expect(csv.line({ ...entry, correlation_id: text })).toContain(`'${text}`);
    },
  );

  it('is one line of JSON, as the list shows it', () => {
    const line = ndjson.line({ ...entry, description: 'two\nlines' });
    expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(JSON.parse(line)).toEqual({ ...entry, description: 'two\nlines', occurred_at: '2026-11-27T12:03:04.120Z' });
  });
});

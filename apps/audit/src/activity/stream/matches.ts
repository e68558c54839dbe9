import { folded } from '@rebelcore/service/text';
import type { ActivityFilter } from '../activity-filter.js';
import type { ArrivedEntry } from './arrivals.query.js';

/** What the list finds by these filters, asked of one entry. */
export function matches(entry: ArrivedEntry, filter: ActivityFilter): boolean {
  const { from, to, event_type, user_id, actor_id, correlation_id, outcome, q } = filter;
  const at = entry.occurred_at.toISOString();
  return (
    (from === undefined || at >= from) &&
    (to === undefined || at < to) &&
    (event_type === undefined || event_type.includes(entry.event_type)) &&
    (user_id === undefined || entry.user_id === user_id) &&
    (actor_id === undefined || entry.actor_id === actor_id) &&
    (correlation_id === undefined || entry.correlation_id === correlation_id) &&
    (outcome === undefined || entry.outcome === outcome) &&
    (q === undefined ||
      entry.correlation_id === q ||
      entry.metadata.caller_correlation_id === q ||
      folded(entry.description).includes(folded(q)))
  );
}

// The judge of a history: by itself `node check-history.mjs FILE`. Each API user is a register that starts as active.
import { readFileSync } from 'node:fs';

const FOREVER = BigInt(2) ** BigInt(63);
const WRITES = { deactivate: 'inactive', reactivate: 'active' };

/** Successes of `/authorize` that began after a confirmed deactivation had ended and before any later reactivation began. */
export function opened(operations) {
  const found = [];
  for (const [apiUserId, own] of byApiUser(operations)) {
    const closings = own.filter(({ op, result }) => op === 'deactivate' && result === 'confirmed');
    // One whose result is unknown may be carried out at any later moment.
    const openings = own
      .filter(({ op, result }) => op === 'reactivate' && result !== 'refused')
      .map(({ start, end, result }) => ({ start, end: result === 'unknown' ? FOREVER : end }));
    for (const read of own.filter(({ op, result }) => op === 'authorize' && result === 'active')) {
      const closed = closings.filter(({ end }) => end < read.start);
      const isOpen = closed.some((closing) => !openings.some((o) => o.end > closing.start && o.start < read.end));
      if (isOpen) found.push(`${apiUserId} was let in by ${read.client} after a confirmed deactivation`);
    }
  }
  return found;
}

/** The API users whose history no single order of its operations explains. */
export function checkRegisters(operations) {
  const found = [];
  for (const [apiUserId, own] of byApiUser(operations)) {
    if (!isLinearizable(own)) found.push(`the history of ${apiUserId} is not linearizable (${own.length} operations)`);
  }
  return found;
}

const byApiUser = (operations) => Map.groupBy(operations, (operation) => operation.api_user_id);

/**
 * Searches for an order that respects real time and in which each read sees the last write (Wing and Gong, with the
 * states that were seen before left out). A write without confirmation takes effect at any moment after it began, or
 * never; such writes of the same value replace each other, so the one that began first is taken first.
 */
export function isLinearizable(operations) {
  const certain = [];
  const pending = { active: [], inactive: [] };
  for (const { op, start, end, result } of operations) {
    const value = WRITES[op];
    if (value !== undefined && result === 'confirmed') certain.push({ start, end, write: value });
    else if (value !== undefined && result !== 'refused') pending[value].push(start);
    else if (value === undefined && result !== 'none') certain.push({ start, end, read: result });
  }
  certain.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  for (const starts of Object.values(pending)) starts.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));

  const seen = new Set();
  /** `first`: everything before it is done; `ahead`: what after it is done already; how many pending writes are used. */
  const stack = [{ first: 0, ahead: [], value: 'active', used: { active: 0, inactive: 0 } }];
  while (stack.length > 0) {
    const state = stack.pop();
    let { first, ahead } = state;
    while (ahead.includes(first)) {
      ahead = ahead.filter((index) => index !== first);
      first += 1;
    }
    if (first >= certain.length) return true;
    const { value, used } = state;
    const key = `${first} ${ahead.join(',')} ${value} ${used.active} ${used.inactive}`;
    if (seen.has(key)) continue;
    seen.add(key);

    // Whatever comes next must have begun before the first end of what is still to do.
    let earliestEnd = FOREVER;
    for (let index = first; index < certain.length && certain[index].start <= earliestEnd; index += 1) {
      if (!ahead.includes(index) && certain[index].end < earliestEnd) earliestEnd = certain[index].end;
    }
    const candidates = [];
    for (let index = first; index < certain.length && certain[index].start <= earliestEnd; index += 1) {
      if (!ahead.includes(index)) candidates.push(index);
    }
    const take = (index, next) =>
      stack.push({ first, ahead: [...ahead, index].sort((a, b) => a - b), value: next, used });
    // A read that fits now loses nothing by being taken now.
    const fitting = candidates.find((index) => certain[index].read === value);
    if (fitting !== undefined) {
      take(fitting, value);
      continue;
    }
    for (const other of ['active', 'inactive']) {
      const start = pending[other][used[other]];
      if (other === value || start === undefined || start > earliestEnd) continue;
      stack.push({ first, ahead, value: other, used: { ...used, [other]: used[other] + 1 } });
    }
    for (const index of candidates) if (certain[index].write !== undefined) take(index, certain[index].write);
  }
  return certain.length === 0;
}

if (process.argv[1] === import.meta.filename) {
  const operations = readFileSync(process.argv[2], 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .map(({ start_ns: start, end_ns: end, ...rest }) => ({ ...rest, start: BigInt(start), end: BigInt(end) }));
  const found = [...opened(operations), ...checkRegisters(operations)];
  console.log(`${operations.length} operations, ${found.length} violations`);
  for (const sentence of found) console.log(`  ${sentence}`);
  process.exit(found.length === 0 ? 0 : 1);
}

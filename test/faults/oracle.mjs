import { createHash } from 'node:crypto';
import { send } from './http.mjs';
import { CALLS_TOPICS } from './system.mjs';
import { checkRegisters, opened } from './check-history.mjs';

const STATUS = { ApiUserCreated: 'active', ApiUserReactivated: 'active', ApiUserDeactivated: 'inactive' };
const NOBODY = '00000000-0000-0000-0000-000000000000';

/** Where the topics ended before a scenario, so that the oracle reads only what came since. */
export async function topicEnds(system) {
  const topics = ['identity.events.v1', ...CALLS_TOPICS];
  return Object.fromEntries(await Promise.all(topics.map(async (topic) => [topic, await system.topics.ends(topic)])));
}

/**
 * Compares what clients know with what is stored, published, applied and written down: I1 to I7 of
 * `faults-and-security.md`. Call when the system has settled.
 *
 * @returns `{lost, doubled, open, wrong}`: lists of sentences, empty when all is well
 */
export async function judge({ system, ledger, customers, history, from, stuckCustomers = new Set() }) {
  const found = { lost: [], doubled: [], open: [], wrong: [] };
  const stored = new Map();
  for (const { id } of customers) stored.set(id, await storedEvents(system, id));
  const log = await activity(system, [...customers.map(({ id }) => id), NOBODY]);

  commandsAgainstEvents(ledger, stored, found); // I1, I2, I6
  await eventsAgainstTopic(system, stored, from, found); // I3
  eventsAgainstActivity(stored, log, stuckCustomers, found); // I4
  callsAgainstActivity(ledger, log, found); // I4
  await callsAgainstTopic(system, from, found);
  for (const { id } of customers) {
    if (!stuckCustomers.has(id)) await viewsAgainstEvents(system, id, stored.get(id), found); // I5
  }
  for (const customer of customers) await noOthers(system, customer, found); // I7
  if (history) {
    found.open.push(...opened(history.operations));
    found.open.push(...checkRegisters(history.operations));
  }
  return found;
}

const storedEvents = (system, customerId) =>
  system.read(
    'identity',
    `select stream_id, version, sequence::int as sequence, event_id, type, causation_id, data
       from event where customer_id = $1 order by sequence`,
    [customerId],
  );

async function activity(system, customerIds) {
  const byCorrelation = new Map();
  const byId = new Map();
  /** How often each API user was throttled. */
  const throttled = new Map();
  for (const customerId of customerIds) {
    const rows = await system.read(
      'audit',
      `select id, event_type, outcome, user_id, metadata ->> 'caller_correlation_id' as correlation_id,
              (metadata ->> 'status')::int as status, coalesce((metadata ->> 'count')::int, 1) as count
         from activity where customer_id = $1`,
      [customerId],
      customerId,
    );
    for (const row of rows) {
      byId.set(row.id, (byId.get(row.id) ?? 0) + 1);
      if (row.status === 429) throttled.set(row.user_id, (throttled.get(row.user_id) ?? 0) + row.count);
      const list = byCorrelation.get(row.correlation_id);
      if (list) list.push(row);
      else byCorrelation.set(row.correlation_id, [row]);
    }
  }
  return { byCorrelation, byId, throttled };
}

function commandsAgainstEvents({ commands }, stored, { lost, doubled, wrong }) {
  const byCorrelation = Map.groupBy([...stored.values()].flat(), (event) => event.causation_id);
  for (const { id, kind, outcome, effect } of commands) {
    const n = byCorrelation.get(id)?.length ?? 0;
    if (n > 1) doubled.push(`I1: ${kind} ${id} has ${n} events`);
    if (outcome === 'acknowledged' && effect === 'one' && n === 0) lost.push(`I1: ${kind} ${id} has no event`);
    if (outcome === 'refused' && n > 0) wrong.push(`I6: ${kind} ${id} was refused and has an event`);
  }
  for (const events of stored.values()) {
    for (const [streamId, stream] of Map.groupBy(events, (event) => event.stream_id)) {
      const versions = stream.map(({ version }) => version).sort((a, b) => a - b);
      if (versions.some((version, index) => version !== index + 1))
        wrong.push(`I1: versions of ${streamId}: ${versions}`);
    }
    if (events.some(({ sequence }, index) => sequence !== index + 1))
      wrong.push('I1: the sequence of a customer has gaps');
  }
}

async function eventsAgainstTopic(system, stored, from, { lost, wrong }) {
  const topic = 'identity.events.v1';
  const records = await system.topics.readAll(topic, 'subscriber', from[topic]);
  const last = new Map();
  for (const { key, headers } of records) {
    const events = stored.get(key);
    if (events === undefined || headers.ce_source !== '/identity') continue;
    const sequence = Number(headers.ce_sequence);
    const before = last.get(key) ?? 0;
    if (events[sequence - 1]?.event_id !== headers.ce_id)
      wrong.push(`I3: ${key}/${sequence} is another event than stored`);
    if (sequence > before + 1) wrong.push(`I3: ${key}: ${sequence} follows ${before}`);
    if (sequence === before + 1) last.set(key, sequence);
  }
  for (const [customerId, events] of stored) {
    const missing = events.length - (last.get(customerId) ?? 0);
    if (missing > 0) lost.push(`I3: ${missing} events of ${customerId} are not in the topic`);
  }
}

function eventsAgainstActivity(stored, { byId }, stuckCustomers, { lost, doubled }) {
  for (const [customerId, events] of stored) {
    if (stuckCustomers.has(customerId)) continue;
    for (const { event_id: id, type, sequence } of events) {
      const n = byId.get(id) ?? 0;
      if (n === 0) lost.push(`I4: ${type} ${customerId}/${sequence} is not in the activity log`);
    }
  }
  for (const [id, n] of byId) if (n > 1) doubled.push(`I4: entry ${id} is there ${n} times`);
}

function callsAgainstActivity({ calls, commands }, { byCorrelation, throttled }, { lost, doubled, wrong }) {
  // Those that were throttled are counted, not named. Of what got no answer nobody knows.
  for (const [apiUserId, ofOne] of Map.groupBy(calls, (call) => call.apiUserId)) {
    const answered = ofOne.filter(({ status }) => status === 429).length;
    const open = ofOne.filter(({ status }) => status === undefined).length;
    const written = throttled.get(apiUserId) ?? 0;
    if (written < answered)
      lost.push(`I4: ${answered - written} calls of ${apiUserId} that were throttled are not there`);
    if (written > answered + open) doubled.push(`I4: ${written - answered} calls of ${apiUserId} too many are there`);
  }
  for (const { id, status, recorded } of calls) {
    if (status === 429) continue;
    const entries = (byCorrelation.get(id) ?? []).filter(({ event_type: type }) => type === 'api.authorize');
    if (entries.length > 1) doubled.push(`I4: call ${id} is in the activity log ${entries.length} times`);
    if (recorded && entries.length === 0) lost.push(`I4: call ${id}, answered ${status}, is not in the activity log`);
    const outcome = status < 400 ? 'success' : status < 500 ? 'refused' : 'failed';
    if (recorded && entries.length === 1 && entries[0].outcome !== outcome) {
      wrong.push(`I4: call ${id}, answered ${status}, is written down as ${entries[0].outcome}`);
    }
  }
  for (const { id, kind, outcome, attempts } of commands) {
    if (outcome !== 'refused') continue;
    const n = byCorrelation.get(id)?.length ?? 0;
    if (n === 0) lost.push(`I6: the refusal of ${kind} ${id} is not in the activity log`);
    if (n > attempts) doubled.push(`I6: the refusal of ${kind} ${id} is in the activity log ${n} times`);
  }
}

/** Per recorder, what it wrote about a customer is numbered without gaps and in order, once duplicates are dropped. */
async function callsAgainstTopic(system, from, { wrong }) {
  const ofTopics = await Promise.all(CALLS_TOPICS.map((topic) => system.topics.readAll(topic, 'audit', from[topic])));
  const last = new Map();
  for (const { key, headers } of ofTopics.flat()) {
    const place = `${headers.ce_source} ${key}`;
    const sequence = Number(headers.ce_sequence);
    const before = last.get(place);
    // A recorder that was there before this scenario goes on with its numbers.
    if (before !== undefined && sequence > before + 1) wrong.push(`calls of ${place}: ${sequence} follows ${before}`);
    if (before === undefined || sequence === before + 1) last.set(place, sequence);
  }
}

async function viewsAgainstEvents(system, customerId, events, { wrong }) {
  const expected = fold(events);
  const views = {
    authorization_v1: await system.read(
      'token',
      `select api_user_id as id, username, role_id, status, sequence::int as sequence from authorization_v1
        where customer_id = $1 and verifier is not null and acknowledged = sequence`,
      [customerId],
    ),
    user_v1: await system.read(
      'identity',
      `select id, username, role_id, status, status_sequence::int as sequence from user_v1
        where customer_id = $1 and type = 'api'`,
      [customerId],
      customerId,
    ),
    enforcement_v1: (
      await system.read(
        'identity',
        'select api_user_id as id, state as status, sequence::int as sequence from enforcement_v1 where customer_id = $1',
        [customerId],
      )
    ).map((row) => ({ ...expected.get(row.id), ...row })),
  };
  const wanted = contentHash([...expected.values()]);
  for (const [view, rows] of Object.entries(views)) {
    if (contentHash(rows) !== wanted) {
      wrong.push(`I5: ${view} of ${customerId} (${rows.length} rows) is not the fold of its events (${expected.size})`);
    }
  }
}

function fold(events) {
  const users = new Map();
  for (const { type, data, sequence } of events) {
    if (STATUS[type] === undefined) continue;
    const { apiUserId: id, username, role } = data;
    const before = users.get(id) ?? { id, username, role_id: role?.id };
    users.set(id, { ...before, status: STATUS[type], sequence });
  }
  return users;
}

function contentHash(rows) {
  const lines = rows.map(({ id, username, role_id, status, sequence }) =>
    [id, username, role_id, status, sequence].join(' '),
  );
  return createHash('sha256').update(lines.sort().join('\n')).digest('hex');
}

async function noOthers(system, customer, { wrong }) {
  const [identity, audit] = ['identity', 'audit'].map((name) => system.services(name)[0].url);
  const authorization = await customer.bearer(identity);
  const get = (url) => send('GET', url, { headers: { authorization } });
  const log = await get(`${audit}/api/v1/activity?limit=200`);
  if (log.status !== 200) wrong.push(`I7: the activity page answered ${log.status}`);
  if (log.body?.items?.some(({ customer_id: id }) => id !== customer.id)) wrong.push("I7: another customer's activity");
  const users = await get(`${identity}/api/v1/users?type=api&limit=200`);
  const own = new Set((await storedEvents(system, customer.id)).map(({ data }) => data.apiUserId));
  if (users.status !== 200) wrong.push(`I7: the users page answered ${users.status}`);
  if (users.body?.items?.some(({ id }) => !own.has(id))) wrong.push("I7: another customer's users");
}

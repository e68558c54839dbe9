import { randomUUIDv7 as uuid } from 'node:crypto';

/** The rows of minting an API user, inserted without an event store: nothing is loaded, decided, numbered or checked. */
export function rawAppend(pool, publish) {
  let sequence = 0;
  const rowsOf = ({ id, customerId, data, credential, key }) => {
    const [eventId, time] = [uuid(), new Date()];
    const event = { type: 'ApiUserCreated', data, confidential: credential };
    const about = { event, id: eventId, streamId: id, customerId, version: 1, time, correlationId: 'bench' };
    const records = publish(about);
    return {
      head: [customerId],
      event: [id, customerId, ++sequence, eventId, JSON.stringify(data), time],
      claim: [key, customerId, id],
      outbox: records.flatMap(({ topic, key: k, headers, value }) => [topic, k, JSON.stringify(headers), value]),
      user: [customerId, id, data.username, data.role.id, data.role.name, time, sequence],
      credential: [customerId, id, credential.pepperVersion, credential.verifier],
    };
  };
  const names = Object.keys(INSERTS);
  const statements = names.map((table) => ({ name: `raw.${table}`, text: numbered(INSERTS[table], 0) }));
  const together = combined(names);

  return {
    /** A transaction with one statement for each table. */
    separately: async (minting) => {
      const rows = rowsOf(minting);
      const client = await pool.connect();
      try {
        await client.query('begin');
        for (const [index, table] of names.entries()) await client.query({ ...statements[index], values: rows[table] });
        await client.query('commit');
      } finally {
        client.release();
      }
    },
    /** All of it in one round trip. */
    together: async (minting) => {
      const rows = rowsOf(minting);
      await pool.query({ name: 'raw.together', text: together, values: names.flatMap((table) => rows[table]) });
    },
  };
}

// `?` stands for the next parameter.
const INSERTS = {
  head: `insert into customer_head as h (customer_id, sequence) values (?::uuid, 1)
         on conflict (customer_id) do update set sequence = h.sequence + 1`,
  event: `insert into event (stream_id, version, stream_type, customer_id, sequence, event_id, type, schema_version, data,
                             occurred_at, correlation_id)
          values (?::uuid, 1, 'api-user', ?::uuid, ?::bigint, ?::uuid, 'ApiUserCreated', 1, ?::jsonb, ?::timestamptz,
                  'bench')`,
  claim: `insert into claim (scope, key, customer_id, stream_id)
          values ('api-user.idempotency-key', ?::text, ?::uuid, ?::uuid)`,
  outbox: `insert into outbox (topic, key, headers, value)
           values (?::text, ?::text, ?::json, ?::text), (?::text, ?::text, ?::json, ?::text)`,
  user: `insert into user_v1 (customer_id, id, type, owner, status, username, role_id, role_name, created_at,
                              status_sequence)
         values (?::uuid, ?::uuid, 'api', false, 'active', ?::text, ?::uuid, ?::text, ?::timestamptz, ?::bigint)`,
  credential: `insert into api_user_credential (customer_id, api_user_id, pepper_version, verifier)
               values (?::uuid, ?::uuid, ?::text, ?::text)`,
};

function numbered(text, before) {
  let number = before;
  return text.replaceAll('?', () => `$${++number}`);
}

function combined(names) {
  let before = 0;
  const parts = names.map((table) => {
    const text = numbered(INSERTS[table], before);
    before += INSERTS[table].split('?').length - 1;
    return text;
  });
  const last = parts.pop();
  return `with ${parts.map((text, index) => `part_${index} as (${text})`).join(', ')} ${last}`;
}

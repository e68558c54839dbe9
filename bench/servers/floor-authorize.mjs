// What `/authorize` cannot do without, and nothing else: JSON, the lookup, the HMAC, the signature. With `recorded` the
// lookups of one moment are joined into one query, and each call has its record in Kafka before it is answered.
import { createHmac, createSecretKey, generateKeyPairSync, randomUUID, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { setImmediate } from 'node:timers';
import pg from 'pg';
import { createKafka } from '@rebelcore/messaging/kafka-client';
import { serveHttp } from '../lib/child.mjs';
import { encode, signedToken } from '../lib/es256.mjs';

const LIFETIME_S = 86_400;
const COLUMNS = 'username, api_user_id, customer_id, status, role, verifier';

serveHttp(async ({ databaseUrl, pepper, recorded }) => {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 });
  pool.on('error', () => undefined);
  const find = recorded ? joined(pool) : (username) => lookup(pool, [username]).then(([row]) => row);
  const record = recorded ? await recorder(recorded) : undefined;
  const secret = createSecretKey(pepper);
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const head = encode({ alg: 'ES256', typ: 'at+jwt', kid: 'bench' });

  const issue = ({ api_user_id, customer_id, role }) => {
    const iat = Math.floor(Date.now() / 1000);
    const claims = { iss: 'http://127.0.0.1', sub: api_user_id, client_id: api_user_id, aud: 'rebelcore-api' };
    const rest = { iat, exp: iat + LIFETIME_S, jti: randomUUID(), customer_id, role, scope: 'can_use_agent' };
    const token = signedToken(key, head, { ...claims, ...rest });
    return { token, expires_at: iat + LIFETIME_S, token_type: 'Bearer' };
  };

  const answer = async (body, arrived) => {
    const { username, password } = JSON.parse(body);
    const row = await find(username);
    const actual = createHmac('sha256', secret).update(username).update('\0').update(password).digest();
    const known = row !== undefined && timingSafeEqual(Buffer.from(row.verifier, 'base64url'), actual);
    const granted = known && row.status === 'active';
    const reply = granted ? issue(row) : { detail: 'invalid credentials' };
    await record?.(row, granted, arrived);
    return [granted ? 200 : 401, JSON.stringify(reply)];
  };

  return createServer((request, response) => {
    const arrived = Date.now();
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      answer(body, arrived).then(
        ([status, text]) => {
          response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
          response.end(text);
        },
        () => response.writeHead(500).end(),
      );
    });
  });
});

async function lookup(pool, usernames) {
  const joinedQuery = {
    name: 'many',
    text: `select ${COLUMNS} from authorization_v1 where username = any($1::text[])`,
    values: [usernames],
  };
  const one = { name: 'one', text: `select ${COLUMNS} from authorization_v1 where username = $1`, values: usernames };
  return (await pool.query(usernames.length === 1 ? one : joinedQuery)).rows;
}

const joined = (pool) =>
  grouped(async (usernames) => {
    const found = new Map((await lookup(pool, usernames)).map((row) => [row.username, row]));
    return usernames.map((username) => found.get(username));
  });

async function recorder({ brokers, login, topic }) {
  const kafka = createKafka({ brokers, clientId: 'bench-floor', sasl: login });
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false });
  await producer.connect();
  let sequence = 0;
  const send = grouped(async (messages) => {
    await producer.send({ topic, acks: -1, messages });
    return messages;
  });
  return (row, granted, arrived) => {
    const customer = row?.customer_id ?? '00000000-0000-0000-0000-000000000000';
    const at = new Date(arrived).toISOString();
    return send({
      key: customer,
      headers: {
        'content-type': 'application/json',
        ce_specversion: '1.0',
        ce_id: randomUUID(),
        ce_source: '/floor',
        ce_type: 'rebelcore.calls.ApiCallRecorded.v1',
        ce_time: at,
        ce_subject: 'token',
        ce_sequence: String(++sequence),
        ce_correlationid: `api:${randomUUID()}`,
      },
      value: JSON.stringify({
        customerId: customer,
        apiUserId: row?.api_user_id,
        at,
        route: 'POST /api/v1/authorize',
        status: granted ? 200 : 401,
        durationMs: Date.now() - arrived,
        ip: '127.0.0.1',
      }),
    });
  };
}

/** Whatever waits when the one before is done goes together. */
function grouped(work) {
  let waiting = [];
  let running = false;
  const run = async () => {
    running = true;
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      try {
        const results = await work(batch.map(({ value }) => value));
        batch.forEach(({ resolve }, index) => resolve(results[index]));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    running = false;
  };
  return (value) =>
    new Promise((resolve, reject) => {
      waiting.push({ value, resolve, reject });
      if (!running) void run();
    });
}

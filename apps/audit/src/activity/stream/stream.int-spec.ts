import { Cursors } from '@rebelcore/service/cursor';
import { until } from '@rebelcore/testing/until';
import { randomUUIDv7 as uuid } from 'node:crypto';
import { z } from 'zod';
import { AuditFixture, Customer } from '../../audit.fixture-spec.js';

let audit: AuditFixture;
beforeAll(async () => {
  audit = await AuditFixture.start();
});
afterAll(async () => {
  await audit.stop();
});

interface Event {
  readonly id: string;
  readonly event: string;
  readonly data: {
    readonly id?: string;
    readonly event_type?: string;
    readonly metadata?: { readonly route?: string };
  };
}

/** A reader of one stream, and what it has been told; but not of the openings of streams, which are entries themselves. */
class Reader {
  readonly events: Event[] = [];
  readonly openings: Event[] = [];
  heartbeats = 0;
  ended = false;
  private readonly abort = new AbortController();

  private constructor(readonly status: number) {}

  static async open(token: string, query = '', lastEventId?: string, replica = audit.replicas[0]): Promise<Reader> {
    const headers: Record<string, string> = { authorization: `Bearer ${token}` };
    if (lastEventId !== undefined) headers['last-event-id'] = lastEventId;
    const abort = new AbortController();
    const response = await fetch(`${replica?.url ?? ''}/api/v1/activity/stream?${query}`, {
      headers,
      signal: abort.signal,
    });
    const reader = new Reader(response.status);
    reader.abort.signal.addEventListener('abort', () => {
      abort.abort();
    });
    void reader.read(response).catch(() => undefined);
    return reader;
  }

  get ids(): string[] {
    return this.events.flatMap(({ event, data }) => (event === 'entry' ? [data.id ?? ''] : []));
  }

  get lastId(): string {
    return this.events.at(-1)?.id ?? '';
  }

  async toHave(count: number): Promise<void> {
    await until(() => this.ids.length >= count, `${count} entries, of which ${this.ids.length} came`);
  }

  close(): void {
    this.abort.abort();
  }

  private async read(response: Response): Promise<void> {
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        if (block.startsWith(':')) this.heartbeats += 1;
        else {
          const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? '';
          const [id, event, data] = [field('id'), field('event'), field('data')];
          const told: Event = { id, event, data: JSON.parse(data) as Event['data'] };
          const isOpening =
            told.data.metadata?.route === 'GET /api/v1/activity/stream' && told.data.event_type === 'api.call';
          (isOpening ? this.openings : this.events).push(told);
        }
      }
    }
    this.ended = true;
  }
}

const idsOf = (customer: Customer) => [...customer.expected.keys()].sort();
const ready = (reader: Reader) => until(() => reader.events[0]?.event === 'ready', 'the stream to be ready');

describe('GET /activity/stream', () => {
  it('tells each new entry as the list shows it, of its customer and its filters alone', async () => {
    const [{ customer }, other] = [new Customer().wholeStory(), new Customer().calls({})];
    const all = await Reader.open(audit.token(customer.id));
    const some = await Reader.open(
      audit.token(customer.id),
      'event_type=api.authorize,session.sign_in&outcome=success',
    );
    const byOwner = await Reader.open(audit.token(customer.id), `actor_id=${customer.ownerId}&q=DEACTIVATED`);
    const foreign = await Reader.open(audit.token(other.id));
    await Promise.all([all, some, byOwner, foreign].map(ready));
    await audit.arrive(customer, other);
    await all.toHave(customer.expected.size);
    await foreign.toHave(1);
    expect(all.ids.toSorted()).toEqual(idsOf(customer));
    expect(foreign.ids).toEqual(idsOf(other));
    await some.toHave(2);
    expect(
      some.events
        .slice(1)
        .map(({ data }) => data.event_type)
        .sort(),
    ).toEqual(['api.authorize', 'session.sign_in']);
    await byOwner.toHave(1);
    expect(byOwner.events.slice(1).map(({ data }) => data.event_type)).toEqual(['api_user.deactivate']);
    const [listed] = await audit.walk(customer.id, `&q=${all.events[1]?.data.id ?? ''}`);
    expect(listed).toBeUndefined();
    const one = await audit.ask(`/api/v1/activity/${all.ids[0] ?? ''}`, audit.token(customer.id));
    expect(all.events[1]?.data).toEqual(one.body);
    for (const reader of [all, some, byOwner, foreign]) reader.close();
  });

  it('resumes after Last-Event-ID without loss or repeats, entries that come late by their time among them', async () => {
    const customer = new Customer().calls({ at: '2026-03-02T00:00:00.000Z' });
    const token = audit.token(customer.id);
    const first = await Reader.open(token);
    await ready(first);
    await audit.arrive(customer);
    await first.toHave(1);
    first.close();
    customer.records.length = 0;
    // Long before what was told, while nobody listened, and many in one batch.
    customer.calls({ at: '2021-01-01T00:00:00.000Z' }).calls(...Array.from({ length: 500 }, () => ({})));
    await audit.arrive(customer);
    const second = await Reader.open(token, '', first.lastId);
    await second.toHave(501);
    expect([...first.ids, ...second.ids].sort()).toEqual(idsOf(customer));
    second.close();
    // From the middle of a batch.
    const middle = second.events.find(({ data }) => data.id === second.ids[250])?.id ?? '';
    const third = await Reader.open(token, '', middle);
    await third.toHave(250);
    expect(third.ids).toEqual(second.ids.slice(251));
    third.close();
  });

  it('invariant 3: tells an entry that is delivered again no second time', async () => {
    const customer = new Customer().calls({}, {});
    const reader = await Reader.open(audit.token(customer.id));
    await ready(reader);
    await audit.arrive(customer);
    await audit.arrive(customer);
    customer.calls({});
    await audit.arrive(customer);
    await reader.toHave(3);
    expect(reader.ids.toSorted()).toEqual(idsOf(customer));
    reader.close();
  });

  it('tells what another replica has written, and goes on at another replica', async () => {
    const replica = await audit.addReplica();
    const customers = Array.from({ length: 20 }, () => new Customer().calls({}));
    const tokens = customers.map(({ id }) => audit.token(id));
    const readers = await Promise.all(
      tokens.map((token, n) => Reader.open(token, '', undefined, audit.replicas[n % 2])),
    );
    await Promise.all(readers.map(ready));
    await audit.arrive(...customers);
    await Promise.all(readers.map((reader) => reader.toHave(1)));
    await audit.remove(replica);
    await until(() => readers.every((reader, n) => n % 2 === 0 || reader.ended), 'the streams of the replica to end');
    const [ended, customer] = [readers[1], customers[1]];
    expect(ended?.events.at(-1)?.event).toBe('end');
    const next = await Reader.open(tokens[1] ?? '', '', ended?.lastId);
    customer?.calls({});
    await audit.arrive(customer ?? new Customer());
    await next.toHave(1);
    expect([...(ended?.ids ?? []), ...next.ids].sort()).toEqual(idsOf(customer ?? new Customer()));
    for (const reader of [...readers, next]) reader.close();
  });

  it('ends with its token, and is refused afterwards; a heartbeat comes before', async () => {
    const customer = new Customer();
    const token = audit.token(customer.id, { exp: Math.floor(Date.now() / 1000) + 12 });
    const reader = await Reader.open(token);
    await until(() => reader.ended, 'the stream to end', 30_000);
    expect(reader.events.map(({ event }) => event)).toEqual(['ready', 'end']);
    expect(reader.heartbeats).toBeGreaterThanOrEqual(1);
    expect((await Reader.open(token, '', reader.lastId)).status).toBe(401);
  });

  it('is an entry when it is opened, not when it goes on, and for those alone who may read the log', async () => {
    const customer = new Customer();
    const token = audit.token(customer.id);
    const reader = await Reader.open(token);
    await until(() => reader.openings.length === 1, 'the opening to be told');
    const { id } = reader.openings[0] ?? {};
    reader.close();
    const resumed = await Reader.open(token, '', id);
    await ready(resumed);
    const refused = await Reader.open(audit.token(customer.id, { owner: false }));
    expect(refused.status).toBe(403);
    await until(() => resumed.openings.length === 1, 'the refusal to be told');
    expect(resumed.openings.map(({ data }) => data)).toMatchObject([{ outcome: 'refused' }]);
    resumed.close();
  });

  it('goes on only for the same person, soon: whoever else comes with an id begins to watch, which is an entry', async () => {
    const customer = new Customer();
    const [me, other] = [uuid(), uuid()];
    const token = audit.token(customer.id, { sub: me });
    const reader = await Reader.open(token);
    await until(() => reader.openings.length === 1, 'the opening to be told');
    const told = z.looseObject({ position: z.int(), to: z.uuid().optional(), at: z.int() });
    const ids = new Cursors(Buffer.from(audit.cursorKey, 'base64url'), 'activity-stream', told);
    const last = ids.decode(reader.openings[0]?.id, customer.id, {}) ?? { position: 0, to: me, at: 0 };
    const hoursAgo = (hours: number) => last.at - hours * 3_600_000;
    for (const [change, as, event] of [
      [{}, other, 'reset'],
      [{ to: undefined }, me, 'reset'],
      [{ at: hoursAgo(24) }, me, 'reset'],
      [{ position: last.position + 1_000 }, me, 'reset'],
      [{ at: hoursAgo(2) }, me, 'ready'],
    ] as const) {
      const opened = reader.openings.length;
      const id = ids.encode({ ...last, ...change }, customer.id, {});
      const next = await Reader.open(audit.token(customer.id, { sub: as }), '', id);
      await until(() => next.events.length > 0, 'the stream to begin');
      expect(next.events[0]?.event).toBe(event);
      await until(() => reader.openings.length === opened + 1, `the opening of ${JSON.stringify(change)} to be told`);
      next.close();
    }
    const gone = await Reader.open(token, '', ids.encode(last, customer.id, {}));
    await ready(gone);
    customer.calls({});
    await audit.arrive(customer);
    await reader.toHave(1);
    expect(reader.openings).toHaveLength(6);
    for (const each of [reader, gone]) each.close();
  });

  it('takes no id of another customer, nor one that was changed, and says so by name', async () => {
    const [mine, other] = [new Customer(), new Customer()];
    const reader = await Reader.open(audit.token(mine.id));
    await ready(reader);
    for (const [id, of] of [
      [reader.lastId, other.id],
      [`${reader.lastId}A`, mine.id],
      ['1', mine.id],
    ] as const) {
      expect((await Reader.open(audit.token(of), '', id)).status).toBe(400);
    }
    expect((await Reader.open(audit.token(mine.id), 'limit=5')).status).toBe(400);
    reader.close();
  });
});

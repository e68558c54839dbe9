import { randomUUID } from 'node:crypto';
import { heartbeat } from '@rebelcore/contracts/heartbeat';
import type { OutgoingRecord } from '../publish/publisher.js';
import { RelayHeartbeat } from './heartbeat.js';

it('says how far the store had grown after the offsets were known: what was published meanwhile is counted', async () => {
  let events = 7;
  const [sent, store] = [Promise.withResolvers<OutgoingRecord>(), { id: randomUUID(), position: '7' }];
  const relay = new RelayHeartbeat({
    topic: 'identity.heartbeats.v1',
    everyMs: 1,
    topics: async () => {
      await Promise.resolve();
      events += 1;
      return [{ topic: 'events', incarnation: randomUUID(), partitions: [{ low: 0n, high: BigInt(events) }] }];
    },
    grownTo: () => Promise.resolve(String(events)),
    publisher: {
      publish: ([record]) => {
        if (record !== undefined) sent.resolve(record);
        return Promise.resolve(new Map());
      },
      close: () => Promise.resolve(),
    },
    name: 'identity',
    onError: sent.reject,
  });
  relay.afterRound({ at: new Date(), newest: undefined, publishedUpTo: 0n, empty: true, store });
  const said = heartbeat.parse(JSON.parse((await sent.promise).value));
  expect(said.store).toEqual({ ...store, grownTo: '8' });
  expect(said.published).toEqual({ events: ['8'] });
  await relay.stop();
});

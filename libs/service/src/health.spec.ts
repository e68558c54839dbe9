import type { FastifyReply } from 'fastify';
import { HealthController } from './health.js';

it('looks once for all who ask while it looks', async () => {
  const looks: PromiseWithResolvers<{ ready: boolean }>[] = [];
  const check = () => {
    const look = Promise.withResolvers<{ ready: boolean }>();
    looks.push(look);
    return look.promise;
  };
  const health = new HealthController([{ name: 'one', check }]);
  const statuses: number[] = [];
  const reply = { status: (status: number) => statuses.push(status) } as unknown as FastifyReply;
  const asked = [health.ready(reply), health.ready(reply)];
  looks[0]?.resolve({ ready: false });
  await Promise.all(asked);
  const later = health.ready(reply);
  looks[1]?.resolve({ ready: true });
  expect(await later).toEqual({ status: 'ok', checks: { one: { ready: true } } });
  expect([statuses, looks.length]).toEqual([[503, 503, 200], 2]);
});

it('says why a check failed, of each address that was tried where there are several', async () => {
  const away = new AggregateError([new Error('no ::1'), new Error('no 127.0.0.1')], '');
  const health = new HealthController([{ name: 'database', check: () => Promise.reject(away) }]);
  const reply = { status: () => undefined } as unknown as FastifyReply;
  expect(await health.ready(reply)).toMatchObject({
    checks: { database: { ready: false, error: 'no ::1; no 127.0.0.1' } },
  });
});

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

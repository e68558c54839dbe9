import { Problem } from '../api/problem.js';
import { queryClient } from './query-client.js';

const { retry = false } = queryClient.getDefaultOptions().queries ?? {};

/** How often a load is sent that is always refused so. */
async function loads(status: number, retryAfter?: number): Promise<number> {
  let sent = 0;
  const queryFn = () => {
    sent += 1;
    return Promise.reject(new Problem({ status, code: 'request.crowded', detail: 'Not now.', retryAfter }));
  };
  await queryClient.query({ queryKey: [status, retryAfter], queryFn, retry, retryDelay: 0 }).catch(() => undefined);
  return sent;
}

it.each([
  [429, 1, 3],
  [429, 60, 1],
  [429, undefined, 1],
  [503, undefined, 3],
  [400, undefined, 1],
])('a load that is refused with %s, Retry-After %s, is sent %s times', async (status, retryAfter, times) => {
  expect(await loads(status, retryAfter)).toBe(times);
});

import { QueryClient } from '@tanstack/react-query';
import { asProblem } from '../api/problem.js';

/** Longer than somebody would look at a page that only loads. */
const LONGEST_WAIT_S = 5;

/**
 * Loads are tried again when nobody answered, the server is not ready, or too much was asked at once and there is soon room again; any
 * other refusal is final. Writes are never queued.
 */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      retry: (failures, thrown) => {
        const { status, retryAfter = Infinity } = asProblem(thrown);
        if (failures >= 2) return false;
        return status === 429 ? retryAfter <= LONGEST_WAIT_S : status === 502 || status === 503 || status === 504;
      },
      retryDelay: (attempt, thrown) => {
        const { status, retryAfter = 0 } = asProblem(thrown);
        return status === 429 ? retryAfter * 1_000 : 300 * 2 ** attempt;
      },
      networkMode: 'always',
      staleTime: 5_000,
    },
    mutations: { retry: false, networkMode: 'always', gcTime: 0 },
  },
});

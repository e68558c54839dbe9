import { QueryClient } from '@tanstack/react-query';
import { asProblem } from '../api/problem.js';

/** Loads are tried again when nobody answered or the server is not ready; a refusal is final. Writes are never queued. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      retry: (failures, thrown) => {
        const { status } = asProblem(thrown);
        return failures < 2 && (status === 502 || status === 503 || status === 504);
      },
      retryDelay: (attempt) => 300 * 2 ** attempt,
      networkMode: 'always',
      staleTime: 5_000,
    },
    mutations: { retry: false, networkMode: 'always', gcTime: 0 },
  },
});

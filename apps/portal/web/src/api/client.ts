import createClient from 'openapi-fetch';
import { Problem, problemOf } from './problem.js';
import type { paths } from './schema.js';
import { whenSignedInAgain } from './session-gate.js';

const TIMEOUT_MS = 40_000;

/** Headers of a request that nobody asked for: it does not renew the idle hour of the session. */
export const BACKGROUND = { 'x-background': '1' };

/** `api.GET('/api/v1/…', {params})`; wrap it in {@link answer}. A refusal is thrown as a {@link Problem}. */
export const api = createClient<paths>({ baseUrl: location.origin, fetch: send });

/**
 * The body of a successful answer.
 *
 * @throws {Problem}
 */
export async function answer<Data>(request: Promise<{ data?: Data; response: Response }>): Promise<Data> {
  return (await answered(request)).data;
}

/** {@link answer} with the position of the write, for lists that must show it: `?position=`. */
export async function answered<Data>(
  request: Promise<{ data?: Data; response: Response }>,
): Promise<{ data: Data; position: string | undefined; status: number }> {
  const { data, response } = await request.catch((thrown: unknown) => {
    if (thrown instanceof Problem || isAbort(thrown)) throw thrown;
    throw new Problem({ status: 0, code: 'answer.unreadable', detail: 'The answer could not be read.' });
  });
  return { data: data as Data, position: response.headers.get('position') ?? undefined, status: response.status };
}

const isAbort = (thrown: unknown): boolean => thrown instanceof DOMException && thrown.name === 'AbortError';

let forbidden: (code: string) => void = () => undefined;

/** Hears of each refusal for want of a permission, or of a second factor: what the page knows of its person is old. */
export function whenForbidden(listener: (code: string) => void): void {
  forbidden = listener;
}

/** One request; when the session is over, it waits for somebody to sign in again and is sent once more. */
async function send(request: Request): Promise<Response> {
  const again = request.clone();
  const response = await reach(request);
  if (response.ok) return response;
  const problem = await problemOf(response);
  const isOver = response.status === 401 && problem.code === 'session.required';
  if (response.status === 403) forbidden(problem.code);
  if (!isOver || !(await whenSignedInAgain())) throw problem;
  const second = await reach(again);
  if (!second.ok) throw await problemOf(second);
  return second;
}

async function reach(request: Request): Promise<Response> {
  try {
    return await fetch(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(TIMEOUT_MS)]) });
  } catch (thrown) {
    if (isAbort(thrown)) throw thrown;
    const isLate = thrown instanceof DOMException && thrown.name === 'TimeoutError';
    throw new Problem(
      isLate
        ? { status: 0, code: 'network.timeout', detail: 'The server did not answer in time.' }
        : { status: 0, code: 'network.unreachable', detail: 'The server could not be reached.' },
    );
  }
}

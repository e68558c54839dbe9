import type { RequestListener, Server } from 'node:http';
import type { Socket } from 'node:net';

/** More than anybody sends ahead who wants the answers; most clients send one request after the other. */
const MOST_UNANSWERED = 16;

/**
 * Takes each request before Fastify does; `serve` hands it on.
 *
 * @throws {Error} when nothing serves requests yet
 */
export function beforeFastify(
  server: Server,
  take: (serve: RequestListener, ...[request, response]: Parameters<RequestListener>) => void,
): void {
  const [serve] = server.listeners('request') as RequestListener[];
  if (serve === undefined) throw new Error('there is no server in front of which to stand');
  server.removeListener('request', serve);
  server.on('request', (request, response) => {
    take(serve, request, response);
  });
}

/**
 * Ends a connection on which more requests are sent ahead than this. Node hands over all that have come at once, and their
 * answers wait in memory until those before them are read: one connection could have thousands in work.
 */
export function boundSentAhead(server: Server): void {
  const unanswered = new WeakMap<Socket, number>();
  beforeFastify(server, (serve, request, response) => {
    const { socket } = request;
    const before = unanswered.get(socket) ?? 0;
    if (before === MOST_UNANSWERED) {
      // Those that came with it are handed over all the same, and end here too.
      socket.destroy();
      return;
    }
    unanswered.set(socket, before + 1);
    response.on('close', () => {
      unanswered.set(socket, (unanswered.get(socket) ?? 1) - 1);
    });
    serve(request, response);
  });
}

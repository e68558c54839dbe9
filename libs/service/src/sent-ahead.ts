import type { IncomingMessage, RequestListener, Server } from 'node:http';
import type { Duplex } from 'node:stream';

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

interface Sent {
  unanswered: number;
  newest: IncomingMessage | undefined;
}
const sentOn = new WeakMap<Duplex, Sent>();

/** The request of which more is still to come on this connection; undefined where not even its head has come whole. */
export function incomingOn(connection: Duplex): IncomingMessage | undefined {
  const newest = sentOn.get(connection)?.newest;
  return newest?.complete === false ? newest : undefined;
}

/**
 * Ends a connection on which more requests are sent ahead than this. Node hands over all that have come at once, and their
 * answers wait in memory until those before them are read: one connection could have thousands in work.
 */
export function boundSentAhead(server: Server): void {
  beforeFastify(server, (serve, request, response) => {
    const { socket } = request;
    const sent = sentOn.get(socket) ?? { unanswered: 0, newest: request };
    if (sent.unanswered === MOST_UNANSWERED) {
      // Those that came with it are handed over all the same, and end here too.
      socket.destroy();
      return;
    }
    sent.unanswered += 1;
    sent.newest = request;
    sentOn.set(socket, sent);
    // Or the time in which it has to be read would go on for the answer to the next, which has come already.
    response.prependOnceListener('finish', () => socket.setTimeout(0));
    response.on('close', () => {
      sent.unanswered -= 1;
      // A connection lives on, and a request holds what nobody may find in memory once it is answered.
      if (sent.newest === request) sent.newest = undefined;
    });
    serve(request, response);
  });
}

import { createServer, request as forward } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What reached the server, as it was sent, and what it answered. */
export interface Recorded {
  readonly what: string;
  readonly sent: string;
  readonly status: number;
}

export interface RecordingProxy {
  readonly address: string;
  readonly recorded: readonly Recorded[];
  readonly close: () => Promise<void>;
}

/**
 * Stands between browser and server and records what passes, since a browser does not tell its debugger the bodies that
 * a page sends as streams.
 */
export async function recordingProxy(target: string): Promise<RecordingProxy> {
  const recorded: Recorded[] = [];
  const { hostname, port } = new URL(target);
  const server = createServer((incoming, outgoing) => {
    const { method = '', url = '' } = incoming;
    // The server takes writes from its own origin alone, as which the pages of this address come; those of others stay others.
    const isOwn = incoming.headers.origin === address();
    const headers = { ...incoming.headers, ...(isOwn && { origin: new URL(target).origin }) };
    const chunks: Buffer[] = [];
    const onward = forward({ hostname, port, method, path: url, headers }, (answer) => {
      const { statusCode: status = 0 } = answer;
      const sent = [url, JSON.stringify(headers), Buffer.concat(chunks).toString()].join('\n');
      recorded.push({ what: `${method} ${url}`, sent, status });
      outgoing.writeHead(status, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.pipe(onward);
  });
  const address = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: address(),
    recorded,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

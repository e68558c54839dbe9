import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A page of another origin of the same site: another port, to which a browser still sends `SameSite=Strict` cookies. */
export interface ForeignPage {
  readonly address: string;
  readonly close: () => Promise<void>;
}

/** @param html what stands in it; `/own` beside it is an empty document */
export async function serveForeignPage(html: string): Promise<ForeignPage> {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(`<!doctype html><title>foreign</title>${request.url === '/own' ? 'its own frame' : html}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createService } from '@rebelcore/service/bootstrap';
import {
  createServer,
  request as send,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { portalConfig } from './portal.config.js';
import { portalApp } from './portal.app.js';

export const COOKIE = 'c'.repeat(43);
export const PUBLIC = 'https://portal.example';

interface Seen {
  readonly service: string;
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: () => string;
}
export type Handler = (request: IncomingMessage, answer: ServerResponse) => boolean;

/** A service behind the gateway: keeps what it was asked, and answers as a test wants. */
class Upstream {
  readonly seen: Seen[] = [];
  handler: Handler = () => false;
  private server: Server | undefined;
  url = '';

  constructor(readonly name: string) {}

  async start(port = 0): Promise<void> {
    this.server = createServer((request, answer) => {
      const { method = '', url = '', headers } = request;
      let text = '';
      request.on('data', (chunk) => (text += String(chunk)));
      this.seen.push({ service: this.name, method, url, headers, body: () => text });
      if (this.handler(request, answer)) return;
      request.resume();
      answer.setHeader('content-type', 'application/json').end(JSON.stringify({ service: this.name, url }));
    }).listen(port, '127.0.0.1');
    await once(this.server, 'listening');
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server?.closeAllConnections();
    await new Promise((resolve) => this.server?.close(resolve));
  }

  last(): Seen {
    const seen = this.seen.findLast(({ url }) => !url.startsWith('/internal/'));
    if (seen === undefined) throw new Error(`${this.name} was not asked`);
    return seen;
  }

  connections(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server?.getConnections((error, count) => {
        if (error) reject(error);
        else resolve(count);
      });
    });
  }
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: { readonly [name: string]: unknown };
}

/** The gateway itself, in front of four services that are played. */
export class GatewayFixture {
  readonly identity = new Upstream('identity');
  readonly token = new Upstream('token');
  readonly audit = new Upstream('audit');
  readonly inference = new Upstream('inference');
  readonly upstreams = [this.identity, this.token, this.audit, this.inference];
  /** Session tokens by cookie. */
  sessions: Record<string, string> = {};
  base = '';
  private app: NestFastifyApplication | undefined;

  /** @param variables of the gateway, beyond those of the services */
  static async start(variables: Record<string, string> = {}): Promise<GatewayFixture> {
    const fixture = new GatewayFixture();
    await Promise.all(fixture.upstreams.map((upstream) => upstream.start()));
    const config = portalConfig({
      PORT: '0',
      LOG_LEVEL: 'fatal',
      PUBLIC_URL: PUBLIC,
      IDENTITY_URL: fixture.identity.url,
      TOKEN_URL: fixture.token.url,
      AUDIT_URL: fixture.audit.url,
      INFERENCE_URL: fixture.inference.url,
      ...variables,
    });
    fixture.app = await createService(portalApp(config));
    await fixture.app.listen(0, '127.0.0.1');
    fixture.base = await fixture.app.getUrl();
    fixture.reset();
    return fixture;
  }

  /** To which callers connect. */
  get server(): Server {
    if (this.app === undefined) throw new Error('the gateway was not started');
    return this.app.getHttpServer();
  }

  async stop(): Promise<void> {
    await this.app?.close();
    await Promise.all(this.upstreams.map((upstream) => upstream.stop()));
  }

  /** Every service answers in its own name again, and identity knows one session. */
  reset(): void {
    this.sessions = { [COOKIE]: 'session-token-1' };
    for (const upstream of this.upstreams) {
      upstream.seen.length = 0;
      upstream.handler = () => false;
    }
    this.identity.handler = this.exchange;
  }

  readonly exchange: Handler = (request, answer) => {
    if (request.url !== '/internal/session-tokens' || request.method !== 'POST') return false;
    const found = this.sessions[/__Host-session=([^;]+)/.exec(request.headers.cookie ?? '')?.[1] ?? ''];
    answer.writeHead(found === undefined ? 401 : 200, { 'content-type': 'application/json' });
    answer.end(JSON.stringify(found === undefined ? { detail: 'no' } : { token: found, expires_at: 1 }));
    return true;
  };

  /** node:http and not fetch, which would tidy paths and refuse headers before the gateway sees them. */
  async ask(
    method: string,
    path: string,
    headers: Record<string, string | string[]> = {},
    body?: string,
  ): Promise<Answer> {
    const { hostname, port } = new URL(this.base);
    const request = send({ hostname, port, method, path, headers, agent: false });
    request.end(body);
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of answer) text += String(chunk);
    const json = (answer.headers['content-type'] ?? '').includes('json');
    return {
      status: answer.statusCode ?? 0,
      headers: answer.headers,
      text,
      body: json && text !== '' ? (JSON.parse(text) as Answer['body']) : {},
    };
  }
}

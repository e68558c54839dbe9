/** One answer of the system, as the tour prints it. */
export interface Answer {
  /** Method and path. */
  readonly request: string;
  readonly status: number;
  readonly body: unknown;
  /** From the first byte sent to the last byte read, in milliseconds. */
  readonly ms: number;
  /** The position of a write, to be asked for by a later read. */
  readonly position: string | undefined;
}

const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

/** A caller with its own cookie jar: a browser of the Super Admin, or an application. */
export class Client {
  private cookie: string | undefined;

  constructor(private readonly baseUrl: string) {}

  /** The cookie of whoever is signed in, as `name=value`. */
  get session(): string | undefined {
    return this.cookie;
  }

  get(path: string): Promise<Answer> {
    return this.send('GET', path);
  }

  post(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send('POST', path, body, headers);
  }

  patch(path: string, body: unknown): Promise<Answer> {
    return this.send('PATCH', path, body);
  }

  delete(path: string): Promise<Answer> {
    return this.send('DELETE', path);
  }

  private async send(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const started = performance.now();
    const response = await fetch(`${this.baseUrl}${path}`, {
      method,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(this.cookie !== undefined && { cookie: this.cookie }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const ms = performance.now() - started;
    const [cookie] = response.headers.getSetCookie();
    if (cookie !== undefined) this.cookie = cookie.split(';')[0];
    return {
      request: `${method} ${(path.split('?')[0] ?? path).replace(UUID, '{id}')}`,
      status: response.status,
      body: text === '' ? undefined : (JSON.parse(text) as unknown),
      ms,
      position: response.headers.get('position') ?? undefined,
    };
  }
}

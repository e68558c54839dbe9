import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { GatewayFixture } from './gateway.fixture-spec.js';

const HTML = '<!doctype html><title>API users</title>';
const SCRIPT = 'console.log(1)';
const BROWSER = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };
/** As portal.md measured it. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const directives = (policy: unknown) =>
  String(policy)
    .split(';')
    .map((directive) => directive.trim())
    .sort();

let root: string;
let gateway: GatewayFixture;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'pages-'));
  gateway = await GatewayFixture.start({ WEB_ROOT: join(root, 'dist') });
});
afterAll(async () => {
  await gateway.stop();
  await rm(root, { recursive: true });
});

async function build(): Promise<void> {
  const assets = join(root, 'dist', 'assets');
  await mkdir(assets, { recursive: true });
  await writeFile(join(root, 'dist', 'index.html'), HTML);
  await writeFile(join(root, 'dist', 'index.html.br'), brotliCompressSync(HTML));
  await writeFile(join(root, 'dist', 'icon.svg'), '<svg/>');
  await writeFile(join(root, 'outside.txt'), 'outside');
  await writeFile(join(assets, 'app-4f2a.js'), SCRIPT);
  await writeFile(join(assets, 'app-4f2a.js.br'), brotliCompressSync(SCRIPT));
  await writeFile(join(assets, 'app-4f2a.js.gz'), gzipSync(SCRIPT));
}

describe('pages that are not built', () => {
  it('are one sentence at the front door, and nothing elsewhere', async () => {
    const front = await gateway.ask('GET', '/', BROWSER);
    expect([front.status, front.headers['content-type']]).toEqual([200, 'text/plain; charset=utf-8']);
    expect(front.text).toMatch(/^The pages of the portal are not built yet\./);
    expect((await gateway.ask('GET', '/users', BROWSER)).status).toBe(404);
  });
});

describe('the pages', () => {
  beforeAll(build);

  it.each(['/', '/users?type=api', '/invite', '/hand-over/0198', '/activity', '/sign-in?next=/users', '/apiary'])(
    'are one document at %s, under their policy, asked about again each time',
    async (path) => {
      const { status, headers, text } = await gateway.ask('GET', path, BROWSER);
      expect([status, text, headers['content-type']]).toEqual([200, HTML, 'text/html; charset=utf-8']);
      expect(directives(headers['content-security-policy'])).toEqual(directives(POLICY));
      expect([headers['cache-control'], headers['x-frame-options']]).toEqual(['no-cache', 'DENY']);
      const again = await gateway.ask('GET', path, { ...BROWSER, 'if-none-match': String(headers.etag) });
      expect([again.status, again.text]).toEqual([304, '']);
    },
  );

  it('answer HEAD like GET, without the document', async () => {
    const { status, headers, text } = await gateway.ask('HEAD', '/users', BROWSER);
    expect([status, text, headers['content-length']]).toEqual([200, '', String(HTML.length)]);
  });

  it('come compressed to whoever takes it', async () => {
    const { status, headers } = await gateway.ask('GET', '/', { ...BROWSER, 'accept-encoding': 'gzip, br' });
    expect([status, headers['content-encoding'], headers.vary]).toEqual([200, 'br', 'accept-encoding']);
  });

  it('have scripts that stay for ever under their name, compressed beforehand', async () => {
    const plain = await gateway.ask('GET', '/assets/app-4f2a.js');
    expect([plain.text, plain.headers['cache-control']]).toEqual([SCRIPT, 'public, max-age=31536000, immutable']);
    expect(plain.headers['content-type']).toMatch(/^application\/javascript/);
    for (const encoding of ['br', 'gzip']) {
      const { headers } = await gateway.ask('HEAD', '/assets/app-4f2a.js', { 'accept-encoding': encoding });
      expect([headers['content-encoding'], headers['cache-control']]).toEqual([
        encoding,
        'public, max-age=31536000, immutable',
      ]);
    }
  });

  it('have files beside them', async () => {
    const icon = await gateway.ask('GET', '/icon.svg', { accept: 'image/*' });
    expect([icon.status, icon.headers['content-type'], icon.headers['cache-control']]).toEqual([
      200,
      'image/svg+xml',
      'no-cache',
    ]);
  });

  it.each([
    ['an unknown script', 'GET', '/assets/app-0000.js', BROWSER],
    ['an unknown file', 'GET', '/favicon.ico', { accept: 'image/*' }],
    ['an address of the API', 'GET', '/api/v1/unknown', BROWSER],
    ['the API itself', 'GET', '/api', BROWSER],
    ['what is not for the outside', 'GET', '/internal/session-tokens', BROWSER],
    ['another kind of document', 'GET', '/users', { accept: 'application/json' }],
    ['a document that is refused by name', 'GET', '/users', { accept: 'text/html;q=0, application/json' }],
    ['a write', 'POST', '/users', BROWSER],
    ['a way out of the folder', 'GET', '/assets/%2e%2e/%2e%2e/outside.txt', BROWSER],
    ['another way out', 'GET', '/assets/..%5c..%5coutside.txt', BROWSER],
  ])('are not there for %s', async (_, method, path, headers) => {
    const answer = await gateway.ask(method, path, headers);
    expect([answer.status, answer.headers['content-type'], answer.body.detail]).toEqual([
      404,
      expect.stringMatching(/^application\/problem\+json/),
      'There is nothing at this address.',
    ]);
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  it('leave its policy to the API and to its documentation', async () => {
    const api = await gateway.ask('GET', '/api/v1/unknown', BROWSER);
    expect(directives(api.headers['content-security-policy'])).toEqual(
      directives("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    );
    const docs = await gateway.ask('GET', '/docs', BROWSER);
    expect([docs.status, docs.headers['content-security-policy']]).toEqual([
      200,
      expect.stringMatching(/style-src 'self' 'unsafe-inline'/),
    ]);
  });
});

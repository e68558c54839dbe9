import fastify, { type FastifyInstance } from 'fastify';
import { clearSessionCookie, installCookies, openSessionCookie, sessionTokenOf } from './session-cookie.js';

const token = 'A'.repeat(43);
let server: FastifyInstance;

beforeAll(async () => {
  server = fastify();
  await installCookies(server);
  server.get('/', (request) => ({ token: sessionTokenOf(request) }));
  server.post('/', (_, reply) => openSessionCookie(reply, token).send());
  server.delete('/', (_, reply) => clearSessionCookie(reply).send());
});
afterAll(() => server.close());

describe('the session cookie', () => {
  it('is bound to the host, hidden from scripts, and not sent along from other sites', async () => {
    const opened = await server.inject({ method: 'POST', url: '/' });
    expect(opened.headers['set-cookie']).toBe(`__Host-session=${token}; Path=/; HttpOnly; Secure; SameSite=Strict`);
    const cleared = await server.inject({ method: 'DELETE', url: '/' });
    expect(cleared.headers['set-cookie']).toMatch(
      /^__Host-session=; Max-Age=0; Path=\/; Expires=Thu, 01 Jan 1970 .*; HttpOnly; Secure; SameSite=Strict$/,
    );
  });

  const seen = async (cookie: string | undefined) => {
    const { body } = await server.inject({ url: '/', headers: cookie === undefined ? {} : { cookie } });
    return (JSON.parse(body) as { token?: string }).token;
  };

  it('is found among others', async () => {
    expect(await seen(`a=b; __Host-session=${token}; c=d`)).toBe(token);
    expect(await seen(`x__Host-session=${'B'.repeat(43)};__Host-session=${token}`)).toBe(token);
  });

  it.each([
    [undefined],
    [''],
    [`session=${token}`],
    [`__Host-session=${token.slice(1)}`],
    [`__Host-session=${token}A`],
    [`__Host-session=${token}!`],
    [`__Host-session="${token}"`],
    [`__Host-session=%41${token.slice(1)}`],
    [`__Host-session=${token}; __Host-session=${token}`],
    [`__Host-session=${token}; __Host-session=`],
    [`__Host-session = ${token};\t__Host-session=${'B'.repeat(43)}`],
  ])('is not seen in %j', async (cookie) => {
    expect(await seen(cookie)).toBeUndefined();
  });
});

import { SESSION_COOKIE } from '@rebelcore/service/session-cookie';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const docs = new URL('../../docs/', import.meta.url);
const document = JSON.parse(readFileSync(new URL('openapi.json', docs), 'utf8')) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly securitySchemes: object };
};
interface Operation {
  readonly requestBody?: object;
  readonly responses: object;
  readonly security?: readonly object[];
}
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ ...operation, route: `${method.toUpperCase()} ${path}` })),
);

it('stands in docs/openapi.json exactly as the built services describe themselves', () => {
  const script = fileURLToPath(new URL('openapi.mjs', docs));
  const described: unknown = JSON.parse(execFileSync(process.execPath, [script], { encoding: 'utf8' }));
  expect(document).toEqual(described);
});

it('“The dialog is the only time the password is shown. No reset.” No other address answers with one, and none takes a new one', () => {
  const routes = operations.map(({ route, requestBody, responses }) => ({
    route,
    taken: membersOf(requestBody),
    answered: membersOf(responses),
  }));
  const withPassword = (of: 'taken' | 'answered') =>
    routes.filter((each) => each[of].has('password')).map(({ route }) => route);
  expect(withPassword('answered').toSorted()).toEqual(['POST /api/v1/api-users', 'POST /api/v1/customers']);
  expect(withPassword('taken').toSorted()).toEqual([
    'POST /api/v1/authorize',
    'POST /api/v1/customers',
    'POST /api/v1/invites/{token}/accept',
    'POST /api/v1/sessions',
  ]);
});

it('says how callers tell who they are: every way that an operation names, and no other', () => {
  const named = operations.flatMap(({ security = [] }) => security.flatMap((requirement) => Object.keys(requirement)));
  expect([...new Set(named)].toSorted()).toEqual(Object.keys(document.components.securitySchemes).toSorted());
  expect(document.components.securitySchemes).toMatchObject({
    cookie: { type: 'apiKey', in: 'cookie', name: SESSION_COOKIE },
  });
});

it('names what any address answers, and of one with parameters that its path may be none', () => {
  const without = (status: number) =>
    operations.flatMap(({ route, responses }) => (status in responses ? [] : [route]));
  expect(without(417)).toEqual([]);
  expect(without(404).filter((route) => route.includes('{'))).toEqual([]);
});

/** Names of all members that a part of the document describes, however deep, through its references. */
function membersOf(part: unknown, seen: ReadonlySet<string> = new Set()): Set<string> {
  if (typeof part !== 'object' || part === null) return new Set();
  const { $ref, properties } = part as { $ref?: string; properties?: object };
  if ($ref !== undefined) return seen.has($ref) ? new Set() : membersOf(resolve($ref), new Set([...seen, $ref]));
  const below = Object.values(part).flatMap((each) => [...membersOf(each, seen)]);
  return new Set([...Object.keys(properties ?? {}), ...below]);
}

const resolve = (ref: string): unknown =>
  ref
    .slice('#/'.length)
    .split('/')
    .reduce<unknown>((part, key) => (part as Record<string, unknown>)[key], document);

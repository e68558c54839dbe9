import 'reflect-metadata';
import { PERMISSIONS, PERMISSION_TEXTS, type Permission } from '@rebelcore/contracts/roles';
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { INTROSPECTION_REQUIRES } from '../../apps/token/src/oauth/introspection.endpoint.js';

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH'];
const read = (key: string, target: object): unknown => Reflect.getMetadata(key, target);

/** What `RequirePermission` says at each route of all services: `POST /api/v1/roles` needs one of these flags. */
async function requirements(): Promise<Map<string, readonly Permission[]>> {
  const apps = fileURLToPath(new URL('../../apps/', import.meta.url));
  // No controller serves what is below /oauth2.
  const found = new Map<string, readonly Permission[]>([['POST /oauth2/introspect', [INTROSPECTION_REQUIRES]]]);
  for (const file of globSync(`${apps}*/src/**/*.controller.ts`)) {
    const module = (await import(file)) as Record<string, unknown>;
    for (const controller of Object.values(module)) {
      if (typeof controller !== 'function') continue;
      const prefix = read('path', controller);
      const members = Object.entries(Object.getOwnPropertyDescriptors(controller.prototype as object));
      for (const [name, { value }] of members as [string, { value?: unknown }][]) {
        if (typeof value !== 'function' || name === 'constructor') continue;
        const [path, method] = [read('path', value), read('method', value)];
        const required = read('api-access:required', value) ?? read('api-access:required', controller);
        if (typeof path !== 'string' || typeof prefix !== 'string' || !Array.isArray(required)) continue;
        const url = `/${[prefix, path]
          .map((part) => part.replace(/^\/|\/$/g, ''))
          .filter(Boolean)
          .join('/')}`;
        found.set(`${METHODS[Number(method)] ?? '?'} ${url}`, required as Permission[]);
      }
    }
  }
  return found;
}

it.each(PERMISSIONS)('what %s permits is what the routes ask for', async (flag) => {
  const enforced = [...(await requirements())].flatMap(([route, flags]) => (flags.includes(flag) ? [route] : []));
  expect([...PERMISSION_TEXTS[flag].permits].sort()).toEqual(enforced.sort());
});

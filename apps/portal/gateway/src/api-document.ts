import type { OpenAPIObject } from '@nestjs/swagger';
import { isOffered, type Service } from './routes.js';

type Part = readonly [Service, OpenAPIObject];
type Components = Record<string, Record<string, unknown>>;

/**
 * One OpenAPI document of what the gateway offers of the services. Components of the same name that differ are kept
 * apart under their service's name.
 */
export function mergeDocuments(parts: readonly Part[], publicUrl: string): OpenAPIObject {
  const paths: OpenAPIObject['paths'] = {};
  const components: Components = {};
  for (const [service, original] of parts) {
    const document = withOwnNames(service, original, components);
    for (const [path, item] of Object.entries(document.paths)) if (isOffered(service, path)) paths[path] = item;
    for (const [kind, members] of Object.entries((document.components ?? {}) as Components)) {
      components[kind] = { ...components[kind], ...members };
    }
  }
  return {
    openapi: parts[0]?.[1].openapi ?? '3.0.0',
    info: {
      title: 'RebelCore API users',
      version: '1.0',
      description: `Everything that one origin offers. Described here: ${parts.map(([service]) => service).join(', ')}.`,
    },
    servers: [{ url: publicUrl }],
    paths,
    components,
  };
}

/** The document with those component names changed that mean something else in another service. */
function withOwnNames(service: Service, document: OpenAPIObject, taken: Components): OpenAPIObject {
  const renamed = new Map<string, string>();
  const components: Components = {};
  for (const [kind, members] of Object.entries((document.components ?? {}) as Components)) {
    components[kind] = {};
    for (const [name, member] of Object.entries(members)) {
      const other = taken[kind]?.[name];
      const isSame = other === undefined || JSON.stringify(other) === JSON.stringify(member);
      const own = isSame ? name : `${service}_${name}`;
      if (own !== name) renamed.set(`#/components/${kind}/${name}`, `#/components/${kind}/${own}`);
      components[kind][own] = member;
    }
  }
  const text = JSON.stringify({ ...document, components }, (key, value: unknown) =>
    key === '$ref' && typeof value === 'string' ? (renamed.get(value) ?? value) : value,
  );
  return JSON.parse(text) as OpenAPIObject;
}

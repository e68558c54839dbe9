import type { OpenAPIObject } from '@nestjs/swagger';
import { throughGateway, withProblems } from '@rebelcore/service/openapi';
import { groupOf, isOffered, type Service } from './routes.js';

type Part = readonly [Service, OpenAPIObject];
type Components = Record<string, Record<string, unknown>>;
type Paths = OpenAPIObject['paths'];
type Schema = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string];

/**
 * One OpenAPI document of what the gateway offers of the services. Components of the same name that differ are kept
 * apart under their service's name.
 */
export function mergeDocuments(parts: readonly Part[], publicUrl: string): OpenAPIObject {
  const paths: OpenAPIObject['paths'] = {};
  const components: Components = {};
  for (const [service, original] of parts) {
    const document = withOwnNames(service, original, components);
    for (const [path, item] of Object.entries(document.paths)) {
      if (isOffered(service, path)) paths[path] = groupOf(path)?.addsLiveTokens ? withLiveTokens(item) : item;
    }
    for (const [kind, members] of Object.entries((document.components ?? {}) as Components)) {
      components[kind] = { ...components[kind], ...members };
    }
  }
  return withProblems(
    {
      openapi: parts[0]?.[1].openapi ?? '3.0.0',
      info: {
        title: 'RebelCore API users',
        version: '1.0',
        description: `Everything that one origin offers. Described here: ${parts.map(([service]) => service).join(', ')}.`,
      },
      servers: [{ url: publicUrl }],
      paths,
      components,
    },
    throughGateway,
  );
}

const LIVE_TOKENS: Schema = {
  type: 'object',
  required: ['live_tokens', 'last_expiry'],
  properties: {
    live_tokens: {
      type: 'integer',
      nullable: true,
      description: 'Tokens of the API user that are still valid; null when that is not known.',
    },
    last_expiry: {
      type: 'string',
      format: 'date-time',
      nullable: true,
      description: 'When the last of them expires; null when there is none, or when that is not known.',
    },
  },
};

/** What the gateway adds to the answers of an operation, see live-tokens.ts. */
function withLiveTokens(item: Paths[string]): Paths[string] {
  const responses = { ...item.post?.responses };
  for (const [status, response] of Object.entries(responses)) {
    if (!status.startsWith('2') || response === undefined || !('content' in response)) continue;
    const schema = response.content['application/json']?.schema;
    if (schema === undefined) continue;
    const content = { 'application/json': { schema: { allOf: [schema, LIVE_TOKENS] } } };
    responses[status] = { ...response, content };
  }
  return { ...item, ...(item.post !== undefined && { post: { ...item.post, responses } }) };
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

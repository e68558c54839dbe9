import type { OpenAPIObject } from '@nestjs/swagger';
import { PROBLEM_MEDIA_TYPE, problem } from '@rebelcore/contracts/problem';
import { z } from 'zod';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Responses = Operation['responses'];
type Response = NonNullable<Responses[string]>;
type Content = Extract<NonNullable<Operation['requestBody']>, { content: unknown }>['content'];
type Schema = NonNullable<Content[string]['schema']>;
type Components = NonNullable<OpenAPIObject['components']>;

/** For operations that no controller serves. */
export function schemaOf(schema: z.ZodType): Schema {
  const described = z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input' });
  // One that has a name is a reference to the definition of that name beside it.
  const { definitions = {} }: Record<string, unknown> = described;
  const [named = described] = Object.values(definitions as Record<string, object>);
  return named;
}

/** What any address may answer, whichever handler is behind it. */
const ANYWHERE = {
  400: 'The request is not well-formed, or what it sends is not valid; `errors` names each field.',
  408: 'The request did not arrive in time.',
  414: 'A part of the address is too long.',
  417: 'What is expected is not 100-continue.',
  429: 'Too many at once; Retry-After says in how many seconds to come again.',
  431: 'The headers are too large.',
  500: 'Something went wrong on our side; the detail has the correlation id to quote.',
  503: 'Not possible at the moment; Retry-After says in how many seconds to come again.',
};
/** What comes with a DELETE is ignored, whatever it is. */
const WITH_BODY = { 413: 'The body is larger than this address accepts.', 415: 'The body is not JSON.' };
const GUARDED = { 401: 'Without a valid token or session.', 403: 'Not for this caller.' };
/** A path that two parsers could read differently leads nowhere, whatever the service would say. */
const WITH_PARAMETERS = { 404: 'There is nothing at this address.' };
/** What the gateway answers besides at a path, for the services behind it. */
export const throughGateway = (path: string): Statuses => ({
  ...(path.includes('{') && WITH_PARAMETERS),
  403: 'Only pages of the same origin may send this.',
  504: 'The service behind this address did not answer in time.',
});

type Statuses = Readonly<Record<number, string>>;

/**
 * The document with every status that its operations can answer, and problems under the media type they are sent as: what
 * stands in front of the handlers answers too, and none of them says so.
 */
export function withProblems(document: OpenAPIObject, further: (path: string) => Statuses = () => ({})): OpenAPIObject {
  const used: Record<number, string> = {};
  const paths = Object.fromEntries(
    Object.entries(document.paths).map(([path, item]) => {
      const operations = Object.entries(item as Record<string, Operation>).map(([method, operation]) => {
        const statuses: Statuses = {
          ...ANYWHERE,
          ...(method !== 'get' && method !== 'delete' && WITH_BODY),
          ...(isGuarded(operation) && GUARDED),
          ...further(path),
        };
        return [method, { ...operation, responses: completed(operation.responses, statuses, used) }];
      });
      return [path, Object.fromEntries(operations) as OpenAPIObject['paths'][string]];
    }),
  );
  const { schemas, responses } = document.components ?? {};
  const components: Components = {
    ...document.components,
    schemas: { ...schemas, Problem: PROBLEM_SCHEMA },
    responses: {
      ...responses,
      ...Object.fromEntries(Object.entries(used).map(([s, text]) => [nameOf(s), answer(text, s)])),
    },
  };
  return { ...document, paths, components };
}

/** The document with those ways alone in which its callers tell who they are. */
export function withSchemesNamed(document: OpenAPIObject): OpenAPIObject {
  const operations = Object.values(document.paths).flatMap((item) => Object.values(item as Record<string, Operation>));
  const named = new Set(operations.flatMap(({ security = [] }) => security.flatMap((each) => Object.keys(each))));
  const schemes = Object.entries(document.components?.securitySchemes ?? {}).filter(([name]) => named.has(name));
  return { ...document, components: { ...document.components, securitySchemes: Object.fromEntries(schemes) } };
}

/** Where an empty requirement is among them, nothing is required. */
const isGuarded = ({ security = [] }: Operation): boolean =>
  security.length > 0 && security.every((requirement) => Object.keys(requirement).length > 0);

function completed(declared: Responses, statuses: Statuses, used: Record<string, string>): Responses {
  const responses: Responses = {};
  for (const [status, response] of Object.entries(declared)) {
    if (response !== undefined) responses[status] = status >= '400' ? asProblem(response) : response;
  }
  for (const [status, description] of Object.entries(statuses)) {
    if (status in responses) continue;
    responses[status] = { $ref: `#/components/responses/${nameOf(status)}` };
    used[status] = description;
  }
  return responses;
}

/** An error that is described as a problem; the standards of others have their own shapes. */
function asProblem(response: Response): Response {
  if (!('content' in response)) return response;
  const [schema] = Object.values(response.content).map((content) => content.schema);
  if (schema === undefined || !('$ref' in schema && schema.$ref.endsWith('Problem'))) return response;
  return { ...response, content: { [PROBLEM_MEDIA_TYPE]: { schema } } };
}

const nameOf = (status: string): string => `Status${status}`;

const RETRY_AFTER = { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer' as const, minimum: 0 } } };
const answer = (description: string, status: string) => ({
  description,
  ...((status === '429' || status === '503') && { headers: RETRY_AFTER }),
  content: { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
});

const PROBLEM_SCHEMA = schemaOf(problem);

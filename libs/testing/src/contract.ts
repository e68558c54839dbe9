import { Ajv, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { contractNotes } from './test.config.js';

interface Answer {
  readonly status: number;
  readonly mediaType: string;
  readonly text: string;
}
type Content = Readonly<Record<string, { readonly schema?: object }>>;
interface Described {
  readonly $ref?: string;
  readonly content?: Content;
}
export interface Operation {
  readonly method: string;
  readonly path: string;
  readonly statuses: readonly number[];
  readonly hasBody: boolean;
  readonly isGuarded: boolean;
}
interface Document {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, Described & { responses: Record<string, Described>; security?: object[] }>>>
  >;
  readonly components?: { readonly responses?: Readonly<Record<string, Described>> };
}

/** What a service promises in its OpenAPI document, to hold its answers to. */
export class Contract {
  private readonly ajv = new Ajv({ strict: false });
  private readonly validators = new Map<string, ValidateFunction>();

  constructor(private readonly document: Document) {
    formats.default(this.ajv);
    this.ajv.addSchema({ $id: 'openapi', ...document });
  }

  static async of(url: string): Promise<Contract> {
    return new Contract((await (await fetch(`${url}/openapi.json`)).json()) as Document);
  }

  get operations(): readonly Operation[] {
    return Object.entries(this.document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({
        method: method.toUpperCase(),
        path,
        statuses: Object.keys(operation.responses).map(Number),
        hasBody: 'requestBody' in operation,
        isGuarded: operation.security?.every((requirement) => Object.keys(requirement).length > 0) ?? false,
      })),
    );
  }

  /**
   * Addresses that the document does not name promise nothing.
   *
   * @throws {Error} when the status is not named, its media type is another, or the body is not of its schema
   */
  check(method: string, url: string, { status, mediaType, text }: Answer): void {
    const path = this.pathOf(url.split('?', 1)[0] ?? '');
    const operation = path === undefined ? undefined : this.document.paths[path]?.[method.toLowerCase()];
    if (path === undefined || operation === undefined) return;
    const says = `${method} ${path} answered ${status} ${mediaType} ${text.slice(0, 500)}`;
    const declared = operation.responses[String(status)];
    if (declared === undefined)
      throw new Error(`${says}: the document names only ${Object.keys(operation.responses).join(', ')}`);
    noteSeen(`${method} ${path} ${String(status)}`);
    const content = this.resolve(declared).content;
    if (content === undefined) {
      if (text !== '') throw new Error(`${says}: the document names no body`);
      return;
    }
    const [type, described] = Object.entries(content).find(([type]) => essence(type) === essence(mediaType)) ?? [];
    if (type === undefined) throw new Error(`${says}: the document names ${Object.keys(content).join(', ')}`);
    if (described?.schema === undefined || !/json$/.test(essence(type))) return;
    const validate = this.validator(described.schema);
    if (!validate(JSON.parse(text))) throw new Error(`${says}: ${this.ajv.errorsText(validate.errors)}`);
  }

  private pathOf(url: string): string | undefined {
    if (this.document.paths[url] !== undefined) return url;
    return Object.keys(this.document.paths).find((path) => pattern(path).test(url));
  }

  private resolve(described: Described): Described {
    const name = described.$ref?.split('/').at(-1);
    return name === undefined ? described : (this.document.components?.responses?.[name] ?? {});
  }

  private validator(schema: object): ValidateFunction {
    const text = JSON.stringify(schema).replaceAll('"#/', '"openapi#/');
    const known = this.validators.get(text) ?? this.ajv.compile(JSON.parse(text) as object);
    this.validators.set(text, known);
    return known;
  }
}

const seen = new Set<string>();

/** For test/contract.mjs, which says where: what tests have seen answered, a file per process. */
function noteSeen(answer: string): void {
  const folder = contractNotes();
  if (folder === undefined || seen.has(answer)) return;
  seen.add(answer);
  appendFileSync(join(folder, String(process.pid)), `${answer}\n`);
}

/** A request that leads to a status whatever the address does, as far as the document says that it can. */
export interface Provocation {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly contentType?: string;
  readonly body?: string;
}

/** One request for each status that answers in front of the handlers; none of them bears credentials. */
export function provocations({ operations }: Contract): Provocation[] {
  return operations.flatMap(({ method, path, statuses, hasBody, isGuarded }) => {
    const url = { method, path: path.replaceAll(/\{[^}]+\}/g, 'no-such-id') };
    const json = 'application/json';
    const all: Provocation[] = [
      ...(isGuarded ? [{ ...url, status: 401, ...(hasBody && { contentType: json, body: '{}' }) }] : []),
      ...(hasBody
        ? [
            { ...url, status: 400, contentType: json, body: '{"half":' },
            { ...url, status: 413, contentType: json, body: JSON.stringify('x'.repeat(2_000_000)) },
            { ...url, status: 415, contentType: 'application/xml', body: '<a/>' },
          ]
        : []),
    ];
    const missing = all.filter(({ status }) => !statuses.includes(status));
    if (missing.length > 0)
      throw new Error(`${method} ${path} does not name ${missing.map((p) => p.status).join(', ')}`);
    return all;
  });
}

const essence = (mediaType: string): string => mediaType.split(';', 1)[0]?.trim() ?? '';
const pattern = (path: string): RegExp =>
  new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{[^}]+\}/g, '[^/]+')}$`);

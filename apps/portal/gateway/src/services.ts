import type { OpenAPIObject } from '@nestjs/swagger';
import type { HealthCheck, HealthDetail } from '@rebelcore/service/health';
import { PublishedDocument } from '@rebelcore/service/published-document';
import { sharedRun } from '@rebelcore/service/shared-run';
import { mergeDocuments } from './api-document.js';
import type { PortalConfig } from './portal.config.js';
import { SERVICES, upstreamOf, type Service } from './routes.js';

const TIMEOUT_MS = 1_500;
/** So long an answer is given again: anybody may ask, and each time it would be all services. */
const AGE_MS = 1_000;
const COMPLETE_DOCUMENT_AGE_MS = 60_000;

/** What the gateway asks the services themselves: whether they are ready, and what they offer. */
export class Services {
  /** The services' documents as one; a service that does not answer is left out until it does. */
  readonly document: () => Promise<PublishedDocument>;

  /** One check for each service, by its name. */
  readonly healthChecks: readonly HealthCheck[];

  constructor(private readonly config: PortalConfig) {
    const merged = sharedRun(
      () => this.mergedDocument(),
      ({ ageMs }) => ageMs,
    );
    this.document = async () => (await merged()).document;
    this.healthChecks = SERVICES.map((name) => ({
      name,
      check: sharedRun(
        () => this.readiness(name),
        () => AGE_MS,
      ),
    }));
  }

  private async mergedDocument(): Promise<{ document: PublishedDocument; ageMs: number }> {
    const parts = await Promise.all(SERVICES.map(async (name) => [name, await this.documentOf(name)] as const));
    const found = parts.flatMap(([name, document]) => (document === undefined ? [] : [[name, document] as const]));
    const document = new PublishedDocument(mergeDocuments(found, this.config.PUBLIC_URL));
    return { document, ageMs: found.length === SERVICES.length ? COMPLETE_DOCUMENT_AGE_MS : AGE_MS };
  }

  /** Whether a service answers and is ready is a figure: without one of them the gateway still has the others to offer. */
  private async readiness(service: Service): Promise<HealthDetail> {
    try {
      const response = await this.ask(service, '/health/ready');
      await response.body?.cancel();
      return { ready: true, answers: response.ok, ...(!response.ok && { status: response.status }) };
    } catch {
      return { ready: true, answers: false };
    }
  }

  private async documentOf(service: Service): Promise<OpenAPIObject | undefined> {
    try {
      const response = await this.ask(service, '/openapi.json');
      return response.ok ? ((await response.json()) as OpenAPIObject) : undefined;
    } catch {
      return undefined;
    }
  }

  private ask(service: Service, path: string): Promise<Response> {
    const url = `${upstreamOf(service, this.config)}${path}`;
    return fetch(url, { redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) });
  }
}

import type { OpenAPIObject } from '@nestjs/swagger';
import type { HealthCheck, HealthDetail } from '@rebelcore/service/health';
import { mergeDocuments } from './api-document.js';
import type { PortalConfig } from './portal.config.js';
import { SERVICES, upstreamOf, type Service } from './routes.js';

const TIMEOUT_MS = 1_500;
const DOCUMENT_AGE_MS = 60_000;

/** What the gateway asks the services themselves: whether they are ready, and what they offer. */
export class Services {
  private document: { readonly at: number; readonly merged: OpenAPIObject } | undefined;

  constructor(private readonly config: PortalConfig) {}

  /** One check for each service, by its name. */
  healthChecks(): HealthCheck[] {
    return SERVICES.map((name) => ({ name, check: () => this.readiness(name) }));
  }

  /** The services' documents as one; a service that does not answer is left out until it does. */
  async openApi(): Promise<OpenAPIObject> {
    if (this.document !== undefined && performance.now() - this.document.at < DOCUMENT_AGE_MS)
      return this.document.merged;
    const parts = await Promise.all(SERVICES.map(async (name) => [name, await this.documentOf(name)] as const));
    const found = parts.flatMap(([name, document]) => (document === undefined ? [] : [[name, document] as const]));
    const merged = mergeDocuments(found, this.config.PUBLIC_URL);
    if (found.length === SERVICES.length) this.document = { at: performance.now(), merged };
    return merged;
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

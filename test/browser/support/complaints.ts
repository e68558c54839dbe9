import type { BrowserContext } from '@playwright/test';

/** What no page may do: break the content security policy, write an error to the console, let an error escape. */
export class Complaints {
  private readonly found: string[] = [];
  private readonly expected: RegExp[] = [];

  /** Hears every page of a context, also those that are opened later. */
  async listenTo(context: BrowserContext): Promise<void> {
    await context.exposeBinding('reportViolation', ({ page }, violation: string) => {
      this.found.push(`${page.url()}: content security policy: ${violation}`);
    });
    await context.addInitScript(() => {
      const { reportViolation } = globalThis as unknown as { reportViolation: (violation: string) => void };
      addEventListener(
        'securitypolicyviolation',
        ({ violatedDirective, blockedURI, sourceFile, lineNumber, sample }) => {
          reportViolation(`${violatedDirective} ${blockedURI} at ${sourceFile}:${lineNumber} ${sample}`);
        },
      );
    });
    context.on('console', (message) => {
      // Which answers are refusals is for each test to say; that the browser notes them is not an error of the page.
      if (message.type() !== 'error' || message.text().startsWith('Failed to load resource:')) return;
      this.found.push(`${message.page()?.url() ?? ''}: console: ${message.text()}`);
    });
    context.on('weberror', (error) => {
      this.found.push(`${error.page()?.url() ?? ''}: ${error.error().stack ?? error.error().message}`);
    });
  }

  /** For a test that provokes one. */
  allow(pattern: RegExp): void {
    this.expected.push(pattern);
  }

  get unexpected(): readonly string[] {
    return this.found.filter((each) => !this.expected.some((pattern) => pattern.test(each)));
  }
}

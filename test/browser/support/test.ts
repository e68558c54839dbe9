import { test as base, expect, type BrowserContext, type Page } from '@playwright/test';
import type { Client } from '@rebelcore/embedded/client';
import type { Endpoints } from '@rebelcore/embedded/endpoints';
import { endpoints, TestCustomer } from '../../support/system.js';
import { Complaints } from './complaints.js';

interface PerTest {
  /** Every test fails on what is found here, unless it has allowed it. */
  readonly complaints: Complaints;
  /** A customer that only the tests of this file have. */
  readonly customer: TestCustomer;
  /** A page of a browser in which the owner of {@link customer} is signed in; where it leads is for the test to say. */
  readonly signedInPage: Page;
}

interface PerWorker {
  readonly system: Endpoints;
  readonly customerOf: (file: string) => Promise<TestCustomer>;
}

/** Tests on the running system: `page.goto('/users')` is below the portal's address. */
export const test = base.extend<PerTest, PerWorker>({
  system: [({}, use) => use(endpoints()), { scope: 'worker' }],
  customerOf: [
    async ({}, use) => {
      const customers = new Map<string, Promise<TestCustomer>>();
      await use((file) => {
        const customer = customers.get(file) ?? TestCustomer.provision();
        customers.set(file, customer);
        return customer;
      });
    },
    { scope: 'worker' },
  ],
  baseURL: ({ system }, use) => use(system.portal),
  customer: async ({ customerOf }, use, { file }) => use(await customerOf(file)),
  complaints: [
    async ({ context }, use) => {
      const complaints = new Complaints();
      await complaints.listenTo(context);
      await use(complaints);
      expect(complaints.unexpected, 'content security policy, console and escaped errors').toEqual([]);
    },
    { auto: true },
  ],
  signedInPage: async ({ customer, context, page, system }, use) => {
    await signInAs(context, customer.owner, system.portal);
    await use(page);
  },
});

export { expect };

/**
 * Gives a browser the session that somebody has already: signing in anew would take a code, of which a person has three
 * in a minute and a half. A test that ends its session signs in by the form instead.
 */
export async function signInAs(context: BrowserContext, { session }: Client, portal: string): Promise<void> {
  const [, name = '', value = ''] = /^([^=]+)=(.*)$/.exec(session ?? '') ?? [];
  await context.addCookies([
    { name, value, domain: new URL(portal).hostname, path: '/', secure: true, httpOnly: true, sameSite: 'Strict' },
  ]);
}

import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from '@playwright/test';

const cache = join(import.meta.dirname, '../../.cache');

export default defineConfig({
  testDir: '.',
  // Tests that stop a service have the system to themselves, after all others; see run.mjs.
  projects: [
    { name: 'pages', testMatch: '**/*.browser-spec.ts', testIgnore: '**/*.alone.browser-spec.ts' },
    { name: 'alone', testMatch: '**/*.alone.browser-spec.ts', dependencies: ['pages'] },
  ],
  outputDir: join(cache, 'browser'),
  globalSetup: './setup.mjs',
  forbidOnly: true,
  // A file at a time in each place, since the tests of a file have their customer in common.
  workers: Math.min(availableParallelism(), 2),
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [['list'], ['json', { outputFile: join(cache, 'jest', 'browser.json') }]],
  use: {
    viewport: { width: 1280, height: 800 },
    locale: 'en-GB',
    timezoneId: 'Europe/Vienna',
    actionTimeout: 10_000,
    navigationTimeout: 20_000,
    trace: 'retain-on-failure',
    launchOptions: {
      // Debian's or another one; see run.mjs.
      ...(process.env.CHROMIUM !== undefined && { executablePath: process.env.CHROMIUM }),
      chromiumSandbox: false,
    },
  },
});

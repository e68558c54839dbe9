import { availableParallelism } from 'node:os';

const swc = [
  '@swc/jest',
  {
    jsc: {
      target: 'es2024',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
      keepClassNames: true,
    },
    module: { type: 'es6' },
    sourceMaps: 'inline',
  },
];

/** The tier of a test is its suffix: `.spec` is pure, `.int-spec` uses a real Postgres and Kafka, `.e2e-spec` the whole system. */
const tier = (displayName, suffix, extra = {}) => ({
  displayName,
  rootDir: import.meta.dirname,
  roots: ['<rootDir>/apps', '<rootDir>/libs', '<rootDir>/test'],
  testMatch: [`**/*.${suffix}.ts`],
  modulePathIgnorePatterns: ['<rootDir>/(apps|libs)/.*/dist/', '<rootDir>/.data/'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['@rebelcore/source', 'node', 'node-addons'] },
  transform: { '^.+\\.ts$': swc },
  ...extra,
});

export default {
  projects: [
    tier('pure', 'spec'),
    tier('integration', 'int-spec', {
      globalSetup: '<rootDir>/test/setup/infrastructure.mjs',
      globalTeardown: '<rootDir>/test/setup/teardown.mjs',
    }),
    tier('journey', 'e2e-spec', {
      globalSetup: '<rootDir>/test/setup/system.mjs',
      globalTeardown: '<rootDir>/test/setup/teardown.mjs',
    }),
    // `npm run test:interop`, not part of `npm test`.
    tier('interop', 'interop-spec', {
      globalSetup: '<rootDir>/test/setup/system.mjs',
      globalTeardown: '<rootDir>/test/setup/teardown.mjs',
    }),
  ],
  // The brokers and Postgres do most of the work, so every core gets a worker; each worker brings a broker.
  maxWorkers: Math.min(availableParallelism(), 4),
  testTimeout: 60_000,
};

/** Boundaries of the code; `npm run boundaries` and the test command refuse what crosses them. */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, pathNot: ['\\.(c|m)js$', '\\.d\\.ts$', 'spec\\.ts$', '^test/', '^bench/'] },
      to: {},
    },
    {
      name: 'apps-never-import-each-other',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/([^/]+)/', pathNot: '^apps/$1/' },
    },
    { name: 'libs-never-import-apps', severity: 'error', from: { path: '^libs/' }, to: { path: '^apps/' } },
    {
      name: 'contracts-import-only-zod',
      severity: 'error',
      from: { path: '^libs/contracts/src', pathNot: 'spec\\.ts$' },
      to: { pathNot: ['^libs/contracts/src', '^node_modules/zod/'] },
    },
    {
      name: 'aggregates-are-pure',
      comment: 'An aggregate file imports neither Nest nor TypeORM nor node.',
      severity: 'error',
      from: {
        path: '^apps/identity/src/(api-user/api-user|customer/customer|portal-user/portal-user|second-factor/second-factor|session/sign-in|hand-over/hand-over)\\.ts$',
      },
      to: { path: ['^node_modules/(@nestjs|typeorm|pg|kafkajs)/', '^(node:|fs|crypto|path|os)'] },
    },
    {
      name: 'migrations-are-frozen',
      comment: 'What a migration does to a database never changes with the code.',
      severity: 'error',
      from: { path: '^apps/[^/]+/src/migrations/\\d+-' },
      to: { pathNot: '^node_modules/typeorm/' },
    },
    {
      name: 'packages-for-others-use-no-private-library',
      severity: 'error',
      from: { path: '^libs/(contracts|messaging|api-access)/src', pathNot: 'spec\\.ts$' },
      to: { path: '^libs/(event-store|credentials|service|testing|embedded)/' },
    },
    {
      name: 'the-web-app-stands-alone',
      comment: 'What runs in a browser knows the services only by their published contract.',
      severity: 'error',
      from: { path: '^apps/portal/web/src', pathNot: 'spec\\.ts$' },
      to: { path: ['^libs/', '^apps/', '^(node:|fs|crypto|path|os)'], pathNot: '^apps/portal/web/src' },
    },
    {
      name: 'pages-are-apart',
      comment: 'A page imports no other page; what two of them need is in src/ui or src/api.',
      severity: 'error',
      from: { path: '^apps/portal/web/src/pages/([^/]+)/' },
      to: { path: '^apps/portal/web/src/pages/([^/]+)/', pathNot: '^apps/portal/web/src/pages/$1/' },
    },
    {
      name: 'no-test-code-in-the-product',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: ['spec\\.ts$', '^libs/testing/'] },
      to: { path: ['^libs/testing/', '^test/', '^bench/', 'spec\\.ts$'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsConfig: { fileName: 'tsconfig.base.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@rebelcore/source', 'import', 'node', 'default'],
      extensions: ['.ts', '.tsx', '.js', '.mjs', '.json'],
    },
  },
};

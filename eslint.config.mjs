import js from '@eslint/js';
import prettier from 'eslint-config-prettier';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

/** A literal spread into a literal only steers the formatter. */
const noSpreadLiterals = [
  'error',
  { selector: 'ObjectExpression > SpreadElement > ObjectExpression', message: 'Write the members where they go.' },
  { selector: 'ArrayExpression > SpreadElement > ArrayExpression', message: 'Write the elements where they go.' },
  { selector: 'CallExpression > SpreadElement > ArrayExpression', message: 'Write the arguments where they go.' },
];

/** The wall clock can be set while something is measured. A moment is called `now`, and belongs to others' times. */
const measured = (selector) => ({
  selector: `${selector} > CallExpression[callee.object.name='Date'][callee.property.name='now']`,
  message: 'Measure durations and deadlines with performance.now().',
});
const noWallClockDurations = [
  measured("VariableDeclarator[id.name!='now']"),
  measured("VariableDeclarator > BinaryExpression.init[operator='+']"),
  measured('PropertyDefinition'),
  measured('AssignmentExpression'),
];

/** A pool to which nobody listens ends the process once the database goes away. */
const noDeafPools = {
  selector: "NewExpression[callee.name='Pool'], NewExpression[callee.property.name='Pool']",
  message: 'Open it with openPool() of @rebelcore/service/database.',
};

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '.data/**', '.cache/**', 'apps/portal/web/src/api/schema.d.ts'] },
  js.configs.recommended,
  {
    rules: {
      'no-restricted-syntax': noSpreadLiterals,
      // Playwright reads from the pattern what a fixture needs, which may be nothing.
      'no-empty-pattern': ['error', { allowObjectPatternsAsParameters: true }],
    },
  },
  {
    files: ['**/*.{ts,tsx}'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ['./test/tsconfig.json', './test/browser/tsconfig.json', './apps/portal/web/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: true },
      ],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // A Nest module is a class whose decorator is its content.
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // Nest's option types are classes that are never constructed.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // TypeORM's own option types ask for `Function`.
      '@typescript-eslint/no-unsafe-function-type': 'off',
    },
  },
  {
    files: ['apps/portal/web/src/**/*.{ts,tsx}'],
    extends: [reactHooks.configs.flat['recommended-latest']],
    rules: {
      // React awaits nothing of what an event handler returns; errors are the handler's own.
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
      // The router's way to leave a loader is to throw what it hands out.
      '@typescript-eslint/only-throw-error': [
        'error',
        { allow: [{ from: 'package', package: '@tanstack/router-core', name: 'Redirect' }] },
      ],
    },
  },
  {
    files: ['apps/**/*.ts', 'libs/**/*.ts'],
    // The tour compares its own moments with those that services tell.
    ignores: ['**/*spec.ts', 'apps/portal/web/**', 'apps/tour/**'],
    rules: { 'no-restricted-syntax': [...noSpreadLiterals, ...noWallClockDurations, noDeafPools] },
  },
  {
    files: ['libs/service/src/database.ts', 'libs/testing/src/test-database.ts'],
    rules: { 'no-restricted-syntax': [...noSpreadLiterals, ...noWallClockDurations] },
  },
  {
    files: ['apps/*/src/migrations/*.ts'],
    rules: {
      'no-restricted-syntax': [
        ...noSpreadLiterals,
        {
          selector: 'TemplateLiteral[expressions.length > 0]',
          message: 'A migration is frozen: plain SQL, complete in itself.',
        },
      ],
    },
  },
  {
    files: ['**/*.mjs', '**/*.cjs'],
    rules: { 'no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }] },
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        setInterval: 'readonly',
        clearInterval: 'readonly',
        module: 'writable',
        Buffer: 'readonly',
        URL: 'readonly',
        URLSearchParams: 'readonly',
        performance: 'readonly',
        setImmediate: 'readonly',
        globalThis: 'readonly',
        fetch: 'readonly',
        AbortSignal: 'readonly',
        WebSocket: 'readonly',
      },
    },
  },
  prettier,
);

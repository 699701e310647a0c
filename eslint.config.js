// Lint that matters, little else. The layering rule is in .dependency-cruiser.mjs; Prettier decides looks.
import svelte from 'eslint-plugin-svelte';
import tseslint from 'typescript-eslint';

/** Time and chance come from outside (kernel/clock.ts, kernel/chance.ts), so that tests wind them by hand. */
const TIME_AND_CHANCE = {
  'no-restricted-globals': [
    'error',
    ...['setTimeout', 'setInterval', 'setImmediate'].map((name) => ({
      name,
      message: 'Use the Clock that is handed in.',
    })),
  ],
  'no-restricted-properties': [
    'error',
    { object: 'Date', property: 'now', message: 'Use clock.now().' },
    { object: 'Math', property: 'random', message: 'Use the Chance that is handed in.' },
    { object: 'crypto', property: 'randomUUID', message: 'Use the Chance that is handed in.' },
    { object: 'globalThis', property: 'setTimeout', message: 'Use the Clock that is handed in.' },
  ],
  'no-restricted-imports': [
    'error',
    {
      paths: [
        { name: 'node:crypto', importNames: ['randomUUID'], message: 'Use the Chance that is handed in.' },
        { name: 'node:timers', message: 'Use the Clock that is handed in.' },
        { name: 'node:timers/promises', message: 'Use the Clock that is handed in.' },
      ],
    },
  ],
  'no-restricted-syntax': [
    'error',
    { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: 'Use clock.now().' },
  ],
};

const NO_DEFAULT_EXPORT = {
  selector: 'ExportDefaultDeclaration',
  message: 'Export by name: one thing has one name everywhere.',
};

export default tseslint.config(
  {
    ignores: [
      'node_modules/',
      'data/',
      '**/build/',
      '**/.svelte-kit/',
      '**/fixtures/',
      'console/fake/',
      'console/shots/',
      'test-results/',
    ],
  },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.{ts,js,mjs,svelte}'],
    languageOptions: { parser: tseslint.parser, ecmaVersion: 'latest', sourceType: 'module' },
    plugins: { '@typescript-eslint': tseslint.plugin },
    rules: {
      'max-lines': ['warn', { max: 400, skipBlankLines: true, skipComments: true }],
      'no-restricted-syntax': ['error', NO_DEFAULT_EXPORT],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none', ignoreRestSiblings: true },
      ],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
  {
    files: ['{server,gateways,protocol,scenarios,bench,scripts}/**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', package: 'node:test', name: ['test', 'it', 'describe', 'suite'] },
          ],
        },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
    },
  },
  {
    files: ['{server/src,gateways,protocol}/**/*.ts'],
    ignores: ['server/src/kernel/**', '**/*.test.ts', '**/*.bench.ts', '**/test-*.ts'],
    rules: {
      ...TIME_AND_CHANCE,
      'no-restricted-syntax': [...TIME_AND_CHANCE['no-restricted-syntax'], NO_DEFAULT_EXPORT],
    },
  },
  {
    // The media thread lives by its own 20 ms, and gives its event loop a turn between two of them.
    files: ['server/src/media/worker/**/*.ts', 'server/src/media/sound-loader.ts'],
    rules: { 'no-restricted-globals': 'off', 'no-restricted-imports': 'off' },
  },
  ...svelte.configs['flat/base'],
  {
    files: ['console/**/*.svelte', 'console/**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: tseslint.parser } },
  },
  {
    files: ['*.config.{js,ts,mjs}', '.dependency-cruiser.mjs', 'console/*.config.{js,ts}', '**/*.svelte', '**/*.d.ts'],
    rules: { 'no-restricted-syntax': 'off' },
  },
);

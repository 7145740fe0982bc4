// ESLint: the typed rules that find real bugs, as errors. Format is Prettier's business, levels
// and sizes are the tidy test's (node/test/tidy.test.ts).
import js from '@eslint/js';
import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

const worldGlobals = [
  ['Date', 'Take a Clock (node/sys/clock.ts).'],
  ['performance', 'Take a Clock (node/sys/clock.ts).'],
  ['setTimeout', 'Take Timers (node/sys/clock.ts).'],
  ['setInterval', 'Take Timers (node/sys/clock.ts).'],
  ['setImmediate', 'Take Timers (node/sys/clock.ts).'],
  ['process', 'Take an option: main.ts reads the process.'],
].map(([name, message]) => ({ name, message }));

const bannedSyntax = [
  {
    selector: 'ExportDefaultDeclaration',
    message: 'Export by name.',
  },
  {
    selector: 'CallExpression[callee.property.name="removeAllListeners"][arguments.length=0]',
    message: 'Name the event: error listeners would go too.',
  },
  {
    selector: 'BinaryExpression[operator="instanceof"][right.name="Error"]',
    message: 'Use isDynakvError, a code, or Error.isError: realms differ.',
  },
];

const bannedRandom = {
  selector: 'MemberExpression[object.name="Math"][property.name="random"]',
  message: 'Take a Random (node/sys/random.ts).',
};

/** The doors, the programs and the wrappers of the real world. */
const worldFiles = [
  'node/main.ts',
  'node/{sys/real,transport,dynamo,http,admin,cli,config,sim,bench,test}/**/*.ts',
  'node/storage/{rocks-,folder-lock,wal-sync}*.ts',
  'operator/main.ts',
  'operator/{kube,nodes,certificates,cli,generate,test}/**/*.ts',
  '**/*.test.ts',
  'manifests/**/*.ts',
  'test-e2e/**/*.ts',
];

export default tseslint.config(
  { ignores: ['node_modules/', 'dist/', 'out/', 'coverage/', '.data/', '**/gen/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    files: ['**/*.js'],
    languageOptions: { globals: { process: 'readonly', URL: 'readonly' } },
  },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    plugins: { 'import-x': importX },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      // The compiler (noUnusedLocals, noUnusedParameters) says the same.
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      // What a callback was given goes on as it came.
      '@typescript-eslint/prefer-promise-reject-errors': [
        'error',
        { allowThrowingAny: false, allowThrowingUnknown: true },
      ],
      // An implementation of an asynchronous interface may have nothing to wait for.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/return-await': ['error', 'always'],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      curly: 'error',
      eqeqeq: 'error',
      'import-x/extensions': ['error', 'always', { ignorePackages: true }],
      'import-x/no-default-export': 'error',
      'no-console': 'error',
      'no-restricted-globals': ['error', ...worldGlobals],
      'no-restricted-syntax': ['error', ...bannedSyntax, bannedRandom],
      'no-throw-literal': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
    },
  },
  {
    files: worldFiles,
    rules: {
      'no-restricted-globals': 'off',
      'no-restricted-syntax': ['error', ...bannedSyntax],
    },
  },
  {
    files: ['**/*.test.ts', '**/*-suite.ts', '**/test-*.ts', '**/testing-*.ts'],
    rules: {
      // A fake implements just what its test needs.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
);

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  globalSetup: '<rootDir>/test/support/bundle.ts',
  maxWorkers: '100%',
  // Ends what hangs, on a busy machine too: how long a test takes is not what it tests.
  testTimeout: 900_000,
  roots: ['<rootDir>'],
  // Of each sweep the first case; `npm run test:sweeps` takes all of them.
  testMatch: ['**/*.test.ts', '**/*.sweep.ts'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/e2e/'],
  modulePathIgnorePatterns: ['<rootDir>/e2e/bin/', '<rootDir>/.cdk8s/'],
  transform: { '^.+\\.[cm]?[jt]s$': ['@swc/jest', { jsc: { target: 'es2022' }, module: { type: 'commonjs' } }] },
  // Packages that ship ES modules only, which jest's loader cannot require as they are.
  transformIgnorePatterns: ['/node_modules/(?!(execa|p-retry|p-limit|listr2)/)'],
};

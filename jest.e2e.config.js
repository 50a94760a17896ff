const base = require('./jest.config.js');

/**
 * The end-to-end tier: real control planes, one file after another, since each starts several of them.
 * @type {import('jest').Config}
 */
module.exports = {
  ...base,
  testMatch: ['<rootDir>/e2e/**/*.e2e.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  setupFilesAfterEnv: ['<rootDir>/e2e/harness/setup.ts'],
  testTimeout: 300_000,
  maxWorkers: 1,
};

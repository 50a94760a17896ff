const base = require('./jest.config.js');

/**
 * The stand-ins judged by recordings of the real programs.
 * @type {import('jest').Config}
 */
module.exports = {
  ...base,
  testMatch: ['<rootDir>/test/conformance/**/*.conformance.ts'],
};

const process = require('node:process');
const base = require('./jest.config.js');

// What test/support/sweep.ts looks at, in every worker.
process.env.SWEEPS = 'all';

/**
 * The sweeps: tests that go through every case of something, each of which is a run of the command line or several.
 * @type {import('jest').Config}
 */
module.exports = { ...base, testMatch: ['**/*.sweep.ts'], testTimeout: 3_600_000 };

// Lets node run the project's TypeScript: `node --require ./scripts/register.cjs main.ts`. tsx does the work. It would
// look into every file of node_modules too, which is a fifth of a synth's time; those are plain JavaScript already.
const Module = require('node:module');
require('./slips.cjs');

// From Node 22 on compiled code is kept between runs.
Module.enableCompileCache?.();

const plain = Module._extensions['.js'];
require('tsx/cjs');
const typescript = Module._extensions['.js'];
Module._extensions['.js'] = (module, file) => {
  const load = file.includes('node_modules') ? plain : typescript;
  load(module, file);
};

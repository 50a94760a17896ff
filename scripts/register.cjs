// Lets node run the project's TypeScript: `node --require ./scripts/register.cjs main.ts`. tsx does the work. It would
// look into every file of node_modules too, which is a fifth of a synth's time; those are plain JavaScript already.
const { readFileSync } = require('node:fs');
const Module = require('node:module');
const { relative } = require('node:path');
const process = require('node:process');

// A slip of the pen in main.ts is found before any of the project's code runs. Node would print the line of tsx that says
// so, which is thousands of characters long, before the line that helps. All other errors are Node's to print.
process.on('uncaughtExceptionMonitor', (error) => {
  const slips = slipsIn(error);
  if (slips.length === 0) return;
  process.stderr.write(`The program cannot be loaded; nothing was done.\n${slips.join('')}`);
  process.exit(1);
});

/** What cannot be loaded, where, and what to do: syntax that cannot be read, or a module that is not there. */
function slipsIn(error) {
  if (error?.name === 'TransformError') {
    const found = [...error.message.matchAll(/^(.+):(\d+):(\d+): ERROR: (.+)$/gm)];
    return found.map(([, file, line, column, text]) =>
      // Editors and the compiler count columns from one.
      slip(file, Number(line), Number(column) + 1, text, '`npm run typecheck` says more.'),
    );
  }
  const [file] = error?.requireStack ?? [];
  const [, wanted] = /^Cannot find module '(.+)'/.exec(error?.message ?? '') ?? [];
  if (error?.code !== 'MODULE_NOT_FOUND' || !file || !wanted || file.includes('node_modules')) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  const line = lines.findIndex((text) => text.includes(`'${wanted}'`) || text.includes(`"${wanted}"`));
  const column = (lines[line] ?? '').indexOf(wanted);
  const hint = /^[./]/.test(wanted)
    ? 'Correct the path, or add the file; `npm run typecheck` says more.'
    : '`npm ci` installs the packages of package.json; `npm run typecheck` says more.';
  return [slip(file, line + 1, column, `there is no module '${wanted}'`, hint)];
}

function slip(file, line, column, text, hint) {
  const where = [relative(process.cwd(), file), ...(line > 0 ? [line, column] : [])].join(':');
  return `  - ${where}: ${text}\n    ${hint}\n`;
}

// From Node 22 on compiled code is kept between runs.
Module.enableCompileCache?.();

const plain = Module._extensions['.js'];
require('tsx/cjs');
const typescript = Module._extensions['.js'];
Module._extensions['.js'] = (module, file) => {
  const load = file.includes('node_modules') ? plain : typescript;
  load(module, file);
};

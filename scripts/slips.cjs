// Says in a few lines what cannot be loaded, where, and what to do. `register.cjs` loads this for node, and the part
// "ts-node" of tsconfig.json for ts-node.
const { readFileSync } = require('node:fs');
const { relative } = require('node:path');
const process = require('node:process');

// A slip of the pen in main.ts is found before any of the project's code runs. Node would print the line of tsx or ts-node
// that says so before the line that helps: tsx's is thousands of characters long. All other errors are Node's to print.
process.on('uncaughtExceptionMonitor', (error) => {
  const slips = slipsIn(error);
  if (slips.length === 0) return;
  // ts-node comes to an import that stands below the call of synthMain when that has done its work.
  const done = process.exitCode === undefined ? '; nothing was done' : '';
  process.stderr.write(`The program cannot be loaded${done}.\n${slips.join('')}`);
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
  if (error?.name === 'TSError') {
    // ts-node's. What the compiler finds after the first slip mostly comes of it.
    const [{ file, start, messageText }] = error.diagnostics;
    const { line, character } = file.getLineAndCharacterOfPosition(start);
    const text = typeof messageText === 'string' ? messageText : messageText.messageText;
    return [slip(file.fileName, line + 1, character + 1, text, '`npm run typecheck` says more.')];
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

/**
 * Times the synthesis alone, all modules loaded: `in-process.ts ours|stock <clusters>` prints its milliseconds. Once a
 * process, as a user runs it: a second synth in the same process would find everything compiled already. Rendered into
 * memory: what a disk takes for so many files says nothing of either side.
 */
import { performance } from 'node:perf_hooks';
import { App } from 'cdk8s';
import { topology as guide } from '../main';
import { addCharts } from './stock/charts';
import { federationOf, GUIDE_SIZE } from './topology';

const [, , which = '', clusters = ''] = process.argv;
const count = Number(clusters);

function ours(): void {
  const federation = count === GUIDE_SIZE ? guide() : federationOf(count);
  federation.render();
}

function stock(): void {
  const app = new App();
  addCharts(app, count);
  app.synthYaml();
}

const start = performance.now();
if (which === 'ours') ours();
else stock();
process.stdout.write(String(performance.now() - start));

/**
 * What main.ts is, with as many clusters as CLUSTERS says: the bench starts it as `npm run synth` starts main.ts.
 */
import { synthMain } from '../scripts/synth';
import { federationOf } from './topology';

process.exitCode = synthMain(() => federationOf(Number(process.env.CLUSTERS)), process.argv.slice(2));

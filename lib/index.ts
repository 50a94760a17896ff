/** What a topology is written with: `import { Federation } from './lib'`. */
export { type OutputFile, CollisionError } from './bundle';
export { DialectError } from './dialect/dialect';
export { FederationError, type Finding } from './errors';
export { Federation } from './federation';
export { ListError } from './lists';
export { PlanError } from './plan/plan';
export { ForeignFileError, synth, type SynthResult } from './synth';
export { TopologyError } from './topology/check';
export * from './topology/types';

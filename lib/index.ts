/** What a topology is written with: `import { Federation } from './lib'`. */
export { OutputFile, CollisionError } from './bundle';
export { DialectError } from './dialect/dialect';
export { FederationError, Finding } from './errors';
export { Federation } from './federation';
export { PlanError } from './plan/plan';
export { synth, SynthResult } from './synth';
export { TopologyError } from './topology/check';
export * from './topology/types';

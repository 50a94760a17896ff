/** How each file of recordings is replayed. */
import { FILES } from './recordings';
import type { Stage } from './replay';

const STAGES: readonly Stage[] = [];

/** One stage a file. */
export function stages(): readonly Stage[] {
  return FILES.map((file) => STAGES.find((stage) => stage.file === file) ?? { file });
}

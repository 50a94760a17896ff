/** How each file of recordings is replayed. */
import { FILES } from './recordings';
import type { Stage } from './replay';
import { FEDERATION_STAGES } from './stages-federation';

const STAGES: readonly Stage[] = [...FEDERATION_STAGES];

/** One stage a file. */
export function stages(): readonly Stage[] {
  return FILES.map((file) => STAGES.find((stage) => stage.file === file) ?? { file });
}

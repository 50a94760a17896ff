import { parse, SemVer } from 'semver';
import { z } from 'zod';
import { StepError } from './errors';
import { Command } from '../../lib/plan/step';
import { Kubectl, untilOwnEnd } from './tools/kubectl';
import { Views } from './view';

const versionSchema = z.looseObject({ clientVersion: z.looseObject({ gitVersion: z.string() }) });

/** What `kubectl version --client --output=json` says; nothing where it says something else. */
export function versionsIn(stdout: string): z.infer<typeof versionSchema> | undefined {
  try {
    return versionSchema.parse(JSON.parse(stdout));
  } catch {
    return undefined;
  }
}

/**
 * Versions as the programs and servers themselves say them, each asked for once in a run. A step asks where it has to go
 * another way below a version: the topology says what a server was when the plan was rendered.
 */
export class Versions {
  private readonly asked = new Map<string, Promise<SemVer>>();

  constructor(
    private readonly kubectlProgram: Kubectl,
    private readonly views: Views,
  ) {}

  /** Version of kubectl. */
  kubectl(signal: AbortSignal): Promise<SemVer> {
    const command = ['kubectl', 'version', '--client', '--output=json'];
    return this.ask('kubectl', command, signal, async () => {
      const { stdout } = await this.kubectlProgram.read(command, signal);
      return parse(versionsIn(stdout)?.clientVersion.gitVersion);
    });
  }

  /** Version of the API server that a context leads to. */
  server(context: string, signal: AbortSignal): Promise<SemVer> {
    const command = ['kubectl', `--context=${context}`, 'version'];
    return this.ask(`the server of context ${context}`, command, signal, async () =>
      parse(await this.views.of(context).reader.version(signal)),
    );
  }

  private ask(
    what: string,
    command: Command,
    signal: AbortSignal,
    read: () => Promise<SemVer | null>,
  ): Promise<SemVer> {
    return untilOwnEnd(signal, command, () => {
      const answer =
        this.asked.get(what) ??
        read().then((version) => {
          if (version) return version;
          throw new StepError(`${what} does not say its version`, `See \`${command.join(' ')}\`.`);
        });
      this.asked.set(what, answer);
      answer.catch(() => this.asked.delete(what));
      return answer;
    });
  }
}

import { parse, SemVer } from 'semver';
import { z } from 'zod';
import { StepError } from './errors';
import { Kubectl, untilOwnEnd } from './tools/kubectl';

const versionSchema = z.looseObject({
  clientVersion: z.looseObject({ gitVersion: z.string() }),
  serverVersion: z.looseObject({ gitVersion: z.string() }).optional(),
});

/** What `kubectl version --output=json` says; nothing where it says something else. */
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

  constructor(private readonly kubectlFor: (context: string) => Kubectl) {}

  /** Version of kubectl. */
  kubectl(signal: AbortSignal): Promise<SemVer> {
    const command = ['kubectl', 'version', '--client', '--output=json'];
    return this.ask('kubectl', signal, async () => {
      const { stdout } = await this.kubectlFor('').read(command, signal);
      return parse(versionsIn(stdout)?.clientVersion.gitVersion);
    });
  }

  /** Version of the API server that a context leads to. */
  server(context: string, signal: AbortSignal): Promise<SemVer> {
    const command = ['kubectl', `--context=${context}`, 'version', '--output=json'];
    return this.ask(`the server of context ${context}`, signal, async () => {
      const { stdout } = await this.kubectlFor(context).read(command, signal);
      return parse(versionsIn(stdout)?.serverVersion?.gitVersion);
    });
  }

  private ask(what: string, signal: AbortSignal, read: () => Promise<SemVer | null>): Promise<SemVer> {
    return untilOwnEnd(signal, () => {
      const answer =
        this.asked.get(what) ??
        read().then((version) => {
          if (version) return version;
          throw new StepError(`${what} does not say its version`, 'See `kubectl version --output=json`.');
        });
      this.asked.set(what, answer);
      answer.catch(() => this.asked.delete(what));
      return answer;
    });
  }
}

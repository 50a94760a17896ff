/** The whole command line, run as a user runs it, against a World of stand-ins. */
import { ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Federation, synth } from '../../../lib';
import { Plan, readPlan, writePlan } from '../../../lib/plan/plan';
import { Step } from '../../../lib/plan/step';
import { FederationProps } from '../../../lib/topology/types';
import { Event, eventSchema } from '../../../scripts/apply/report/events';
import { ClusterOption, WorldOptions } from '../../stand-ins/types';
import { World } from '../../stand-ins/world';
import { guideProps, ROOT } from '../../support/guide';

/** What a test wants otherwise than the guide has it. */
export interface StartOptions {
  /** The topology, over the guide's. Its DNS endpoint is the World's. */
  readonly props?: Partial<FederationProps>;
  /** How DNS questions get from a cluster's own DNS to the federation's. @default the topology's default */
  readonly clusterDns?: 'stub-domains' | 'dnsmasq-argument';
  /** Options of the World. Its clusters are those of the topology. */
  readonly world?: Omit<WorldOptions, 'clusters' | 'hostCluster'>;
  /** What single clusters of the World have otherwise than the topology says, by name. */
  readonly clusters?: Readonly<Record<string, Partial<ClusterOption>>>;
  /** Adds charts of the user's own before the synth. */
  readonly charts?: (federation: Federation) => void;
  /** Changes the rendered plan, which gets its digest anew: shorter limits, for example. */
  readonly plan?: (plan: Plan) => Plan;
}

export interface CliOptions {
  /** Variables over those of the World's environment. */
  readonly env?: NodeJS.ProcessEnv;
  /** Working folder. @default the project's */
  readonly cwd?: string;
  /** Another folder than the federation's `dist/`. */
  readonly dist?: string;
  /** Runs the TypeScript, as `npm run` does, in place of the bundle, which loads faster. @default false */
  readonly fromTypeScript?: boolean;
  /** Called when the process has been started. */
  readonly started?: (child: ChildProcess) => void;
  /** Called with all of standard output so far, whenever there is more. */
  readonly onOutput?: (stdout: string) => void;
}

/** How a run of the command line ended. */
export interface Ended {
  /** `null` where a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Both of them. */
  readonly output: string;
  /** The lines of `--json`. Every line has to be an event that the schema knows. */
  readonly events: Event[];
}

/** A federation that is declared and rendered, and the clusters that it is to be brought to. */
export interface StartedFederation {
  readonly world: World;
  /** The folder that synth wrote. */
  readonly dist: string;
  readonly plan: Plan;
  /** Runs the command line to its end. */
  readonly cli: (args: readonly string[], options?: CliOptions) => Promise<Ended>;
  /** Renders another topology into the same folder, as a user who edits `main.ts` does. */
  readonly resynth: (props: Partial<FederationProps>) => void;
  /** Replaces the plan by a changed one with a right digest. */
  readonly editPlan: (change: (plan: Plan) => Plan) => void;
  /** @throws where a stand-in has made a mistake of its own */
  readonly close: () => Promise<void>;
}

/** A World of the topology's clusters, and its `dist/`. Nothing is applied yet. */
export async function startFederation(options: StartOptions = {}): Promise<StartedFederation> {
  const declared = guideProps(options.props);
  const world = await World.start({
    ...options.world,
    hostCluster: declared.hostCluster,
    clusters: declared.clusters.map(({ name, context, server, region, zone, kubernetesVersion, addressRange }) => ({
      name,
      context: context ?? name,
      server,
      region,
      zone,
      kubernetesVersion,
      addressRange,
      ...options.clusters?.[name],
    })),
  });
  const dist = join(world.dir, 'dist');
  const render = (props: FederationProps): void => {
    const dns = {
      ...props.dns,
      endpoint: world.dnsEndpoint,
      ...(options.clusterDns && { clusterDns: options.clusterDns }),
    };
    const federation = new Federation({ ...props, dns });
    options.charts?.(federation);
    synth(federation, dist);
    if (options.plan) editPlan(dist, options.plan);
  };
  mkdirSync(dist);
  render(declared);
  const running = new Set<ChildProcess>();
  return {
    world,
    dist,
    get plan() {
      return planOf(dist);
    },
    cli: (args, cliOptions = {}) =>
      runCli(args, {
        dist,
        ...cliOptions,
        env: { ...world.env(), ...cliOptions.env },
        started: (child) => {
          running.add(child);
          child.once('exit', () => running.delete(child));
          cliOptions.started?.(child);
        },
      }),
    resynth: (props) => {
      render({ ...declared, ...props });
    },
    editPlan: (change) => {
      editPlan(dist, change);
    },
    close: async () => {
      // A test that failed may have left some behind.
      for (const child of running) child.kill('SIGKILL');
      await world.close();
      const [mishap] = world.mishaps;
      if (mishap) throw mishap;
    },
  };
}

/** The plan in a folder. */
export function planOf(dist: string): Plan {
  return readPlan(readFileSync(join(dist, 'plan.yaml'), 'utf8'));
}

/** Rewrites the plan in a folder, with a right digest. */
export function editPlan(dist: string, change: (plan: Plan) => Plan): void {
  writeFileSync(join(dist, 'plan.yaml'), writePlan(change(planOf(dist))));
}

/** Gives steps another time limit: those whose ids match, all of them by default. */
export function limits(seconds: number, ids = /^/): (plan: Plan) => Plan {
  return changedSteps(ids, (step) => ({ ...step, timeoutSeconds: seconds }));
}

/** Changes the steps whose ids match. */
export function changedSteps(ids: RegExp, change: (step: Step) => Step): (plan: Plan) => Plan {
  return (plan) => ({ ...plan, steps: plan.steps.map((step) => (ids.test(step.id) ? change(step) : step)) });
}

/** What node is given to run `scripts/federation.ts` as the scripts of package.json do. */
const FROM_TYPESCRIPT = ['--require', join(ROOT, 'scripts/register.cjs'), join(ROOT, 'scripts/federation.ts')];

/** What node is given to run the bundle of it. */
function fromBundle(): string[] {
  const file = process.env.FEDERATION_BUNDLE;
  if (file === undefined) throw new Error('there is no bundle: jest.config.js names what makes it in globalSetup');
  return ['--enable-source-maps', file];
}

/** Runs the command line as a process of its own. Its standard input is empty. */
export function runCli(
  args: readonly string[],
  { dist, env, cwd, fromTypeScript, started, onOutput }: CliOptions & { readonly dist: string },
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const program = fromTypeScript ? FROM_TYPESCRIPT : fromBundle();
    const child = spawn(process.execPath, [...program, ...args, '--dist', dist], {
      cwd: cwd ?? ROOT,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (data: string) => {
      stdout += data;
      onOutput?.(stdout);
    });
    child.stderr.setEncoding('utf8').on('data', (data: string) => (stderr += data));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve({ code, signal, stdout, stderr, output: stdout + stderr, get events() { return eventsOf(stdout); } }); // prettier-ignore
    });
    started?.(child);
  });
}

function eventsOf(stdout: string): Event[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => eventSchema.parse(JSON.parse(line)));
}

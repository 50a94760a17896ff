import { App, Chart } from 'cdk8s';
import { IConstruct } from 'constructs';
import { ChartSource } from './components/artifacts';
import { FederationError, Finding } from './errors';
import { describe, inNamespace, lower, Manifest, Target } from './dialect/dialect';
import { isBuiltIn } from './dialect/rules';
import { labelsOf } from './labels';
import { withoutLists } from './lists';
import { Step, StepKind, StepOf } from './plan/step';
import { toYaml } from './yaml';

/** A file of `dist/`: its path there and its content. */
export interface OutputFile {
  /** `<bundle>/<order>-<name>`. */
  readonly path: string;
  readonly content: string;
}

/** A manifest of a bundle: its file and the objects in it. */
export interface RenderedManifest {
  readonly path: string;
  readonly objects: readonly Manifest[];
}

/** Two objects, files or steps of one bundle would overwrite each other. Nothing has been written. */
export class CollisionError extends FederationError {
  constructor(findings: readonly Finding[]) {
    super('Some things of one bundle have the same name; nothing was written.', findings);
  }
}

/** Distance between the numbers with which two components' files begin. */
export const ORDER_STEP = 5;

/** What a component says of a step; the bundle knows the rest. */
export type StepInput<K extends StepKind> = Omit<StepOf<K>, 'id' | 'component' | 'cluster' | 'kind'>;

/**
 * All that one cluster (or the federation) gets: charts that become manifests in its dialect, other files, and the
 * steps that bring them there. Each bundle has an App of its own: one App for all grows with the square of the charts.
 */
export class Bundle {
  /** The steps so far, in the order in which components declared them. */
  readonly steps: Step[] = [];
  private readonly app = new App();
  private readonly entries: { path: string; header: string; chart?: Chart; content?: string }[] = [];
  private rendered: RenderedManifest[] = [];
  private component = { name: '', order: 0, numbers: 1, files: 0 };
  /** Charts, and images that no manifest of the bundle names: what charts and checks start. */
  readonly used: { readonly charts: ChartSource[]; readonly images: string[] } = { charts: [], images: [] };
  /** Images that a program chooses by itself, in words. */
  readonly unnamed: string[] = [];

  constructor(
    /** A cluster's name, or `federation`. */
    readonly name: string,
    readonly target: Target,
    /** Name of the federation. */
    private readonly federation: string,
  ) {}

  /**
   * What follows belongs to this component, and its files are numbered from here.
   *
   * @param numbers how many numbers there are; all files beyond share the last one
   */
  begin(name: string, order: number, numbers = ORDER_STEP): void {
    this.component = { name, order, numbers, files: 0 };
  }

  /**
   * A manifest: what `build` adds to the chart becomes one file, in this bundle's dialect.
   *
   * @param id name of the file without order and ending
   * @param about what the file is, as its first line says
   * @param ending `.conf` for objects that must not be applied as they stand: whatever applies the folder passes them over
   * @returns the file's path in `dist/`, for steps to name
   */
  chart(id: string, about: string, build: (chart: Chart) => void, ending: '.yaml' | '.conf' = '.yaml'): string {
    // Not by its id: that may come from a name of the user's, and some names are taken in every construct's tree.
    const chart = new Chart(this.app, `chart-${this.entries.length}`, {
      labels: labelsOf(this.federation),
      disableResourceNameHashes: true,
    });
    build(chart);
    return this.add(`${id}${ending}`, { header: about, chart });
  }

  /**
   * A file that is no manifest: a values file, a program's configuration. Its first lines are for its reader. It does not
   * end in `.yaml`, so that `kubectl apply -f` of the folder passes it over.
   */
  text(name: `${string}.conf`, about: string, content: string): string {
    return this.add(name, { header: about, content });
  }

  /** A file of data that is no manifest. */
  yaml(name: `${string}.conf`, about: string, data: unknown): string {
    return this.text(name, about, toYaml(data));
  }

  /** Notes what the bundle needs besides the images that its manifests name. */
  uses({ charts = [], images = [] }: { charts?: readonly ChartSource[]; images?: readonly string[] }): void {
    this.used.charts.push(...charts);
    this.used.images.push(...images);
  }

  /**
   * Notes an image that a program of the user's takes where the topology names one, and chooses by itself otherwise.
   *
   * @param what in words, such as `the image of Tiller`
   * @param program the one that chooses
   * @param prop where the topology names the image
   */
  usesIfNamed(image: string | undefined, what: string, program: string, prop: string): void {
    if (image === undefined) this.unnamed.push(`${what}, which ${program} chooses unless ${prop} names it`);
    else this.used.images.push(image);
  }

  /**
   * Charts of the user's own, one file each, applied after everything that the components apply in this bundle, and
   * after the charts that they depend on.
   *
   * @param more what the steps say besides
   */
  userCharts(
    app: App,
    context: string,
    needs: string[],
    more: Partial<Pick<StepInput<'apply'>, 'serverSide' | 'copies'>> = {},
  ): void {
    // Rendering one chart makes every dependency between constructs of the app one between their charts.
    app.charts[0]?.toJson();
    const ids = new Map<IConstruct, string>(app.charts.map((chart) => [chart, idOf(chart)]));
    for (const chart of app.charts) {
      const id = idOf(chart);
      const file = this.add(`${id}.yaml`, { header: `The chart '${chart.node.path}' of main.ts`, chart });
      const first = chart.node.dependencies.flatMap((other) => ids.get(other) ?? []);
      this.step(id, 'apply', {
        title: `${chart.node.path} is applied`,
        context,
        needs: [...needs, ...first.map((other) => `${this.name}/${other}`)],
        timeoutSeconds: 300,
        file,
        wait: [],
        ...more,
      });
    }
  }

  /** A step; its id is `<bundle>/<name>`. */
  step<K extends StepKind>(name: string, kind: K, input: StepInput<K>): void {
    // The parts are those of one kind: what the compiler cannot follow through the union, the plan's schema checks.
    this.steps.push({
      id: `${this.name}/${name}`,
      kind,
      component: this.component.name,
      cluster: this.name,
      ...input,
    } as unknown as Step);
  }

  /** The manifests, in order, as {@link files} rendered them last. */
  get manifests(): readonly RenderedManifest[] {
    return this.rendered;
  }

  /**
   * The files, in order, manifests lowered to the bundle's dialect.
   *
   * @param annotate annotations that every object of a manifest gets, by the manifest's path
   * @throws CollisionError when two objects have the same kind, namespace and name, or two files or steps the same name;
   * DialectError, ListError
   */
  files(annotate: (path: string) => Readonly<Record<string, string>> = () => ({})): OutputFile[] {
    this.rendered = [];
    const seen = new Map<string, string>();
    const findings: Finding[] = [];
    const files = this.entries.map(({ path, header, chart, content }) => {
      const comment = header
        .split('\n')
        .map((line) => `# ${line}\n`)
        .join('');
      if (chart === undefined) return { path, content: `${comment}${content ?? ''}` };
      const objects = lower(withoutLists(chart.toJson() as Manifest[], this.name), this.target).map((object) =>
        withAnnotations(withLabels(inNamespace(object), this.federation), annotate(path)),
      );
      this.rendered.push({ path, objects });
      for (const object of objects) {
        const key = identity(object);
        const earlier = seen.get(key);
        if (earlier !== undefined) {
          findings.push({
            where: `${this.name}: ${describe(object)}`,
            problem: `is in ${path} and in ${earlier}`,
            hint: 'Rename one of the two, or leave one out.',
          });
        }
        seen.set(key, path);
      }
      return { path, content: `${comment}${objects.map((object) => toYaml(object)).join('---\n')}` };
    });
    const paths = new Set<string>();
    for (const { path } of this.entries) {
      if (paths.has(path))
        findings.push({ where: path, problem: 'two charts have this name', hint: 'Rename one of the two.' });
      paths.add(path);
    }
    const steps = new Map<string, Step>();
    for (const step of this.steps) {
      const earlier = steps.get(step.id);
      if (earlier !== undefined) {
        findings.push({
          where: step.id,
          problem:
            earlier.component === step.component
              ? `two steps of ${step.component} have this name`
              : `is a step of ${earlier.component} and one of ${step.component}`,
          hint: 'Rename the chart or the workload that it comes from.',
        });
      }
      steps.set(step.id, step);
    }
    if (findings.length > 0) throw new CollisionError(findings);
    return files;
  }

  private add(name: string, entry: { header: string; chart?: Chart; content?: string }): string {
    const { order, numbers, files } = this.component;
    const path = `${this.name}/${order + Math.min(files, numbers - 1)}-${name}`;
    this.component = { ...this.component, files: files + 1 };
    this.entries.push({ path, ...entry });
    return path;
  }
}

/** A chart's id as a part of file names and step ids. */
function idOf(chart: Chart): string {
  const id = chart.node.id.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return id.replace(/^-|-$/g, '') || 'chart';
}

/**
 * What an API server takes for one object: whichever of its own groups serves it, a Deployment of one name is one
 * object, while two custom kinds of one name are two. Where no namespace is said, it is `default`.
 */
function identity({ apiVersion, kind, metadata }: Manifest): string {
  const group = isBuiltIn(apiVersion) ? '' : (apiVersion.split('/')[0] ?? '');
  return [group, kind, metadata.namespace ?? 'default', metadata.name ?? ''].join('|');
}

function withAnnotations(object: Manifest, more: Readonly<Record<string, string>>): Manifest {
  if (Object.keys(more).length === 0) return object;
  const annotations = { ...(object.metadata.annotations as Record<string, string> | undefined), ...more };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

/** Apply knows by them what it may change, in charts of the user's own too. */
function withLabels(object: Manifest, federation: string): Manifest {
  const labels = labelsOf(federation, object.metadata.labels as Record<string, string> | undefined);
  return { ...object, metadata: { ...object.metadata, labels } };
}

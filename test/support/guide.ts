import { join } from 'node:path';
import { Federation } from '../../lib';
import { OutputFile } from '../../lib/bundle';
import { Manifest } from '../../lib/dialect/dialect';
import { Plan, readPlan } from '../../lib/plan/plan';
import { ClusterProps, FederationProps } from '../../lib/topology/types';
import { documents } from '../../lib/yaml';

/** The folder of the project. */
export const ROOT = join(__dirname, '../..');

/** The guide's three clusters, by name. */
export const GUIDE_CLUSTERS = {
  fcp: {
    name: 'fcp',
    server: 'https://10.11.12.1:6443',
    region: 'europe',
    zone: 'fr',
    kubernetesVersion: '1.7.3',
    addressRange: '10.210.1.100/26',
  },
  usa: {
    name: 'usa',
    server: 'https://10.11.12.2:6443',
    region: 'america',
    zone: 'us',
    kubernetesVersion: '1.7.3',
    addressRange: '10.210.3.100/26',
  },
  chn: {
    name: 'chn',
    server: 'https://10.11.12.3:6443',
    region: 'asia',
    zone: 'cn',
    kubernetesVersion: '1.7.3',
    addressRange: '10.210.2.100/26',
  },
} as const satisfies Record<string, ClusterProps>;

/** The guide's federation, with what a test wants otherwise. */
export function guideProps(changes: Partial<FederationProps> = {}): FederationProps {
  return {
    hostCluster: 'fcp',
    clusters: Object.values(GUIDE_CLUSTERS),
    dns: { zone: 'example.com.', endpoint: '10.11.4.82:32609' },
    workloads: [{ name: 'hello-world', image: 'artmr/hello-world:latest', replicas: 12, port: 8080 }],
    ...changes,
  };
}

/** CoreDNS by manifests, without Helm and Tiller. */
export const BY_MANIFESTS = { coreDns: { install: 'manifests' } } as const satisfies Partial<FederationProps>;

/** The guide's federation with all clusters at one version of Kubernetes. */
export function guideAt(kubernetesVersion: string, changes: Partial<FederationProps> = {}): FederationProps {
  return guideProps({
    clusters: Object.values(GUIDE_CLUSTERS).map((cluster) => ({ ...cluster, kubernetesVersion })),
    ...changes,
  });
}

/** A federation of `count` clusters, the first of them the host. */
export function manyClusters(count: number): FederationProps {
  return guideProps({
    hostCluster: 'c0',
    clusters: Array.from({ length: count }, (_, i) => ({
      name: `c${i}`,
      server: `https://10.11.${Math.floor(i / 250)}.${i % 250}:6443`,
      region: `r${i % 7}`,
      zone: `z${i}`,
      kubernetesVersion: '1.7.3',
      addressRange: `10.${200 + Math.floor(i / 250)}.${i % 250}.0/26`,
    })),
  });
}

/** What a federation renders, for tests to look into. */
export class Rendered {
  readonly files: readonly OutputFile[];
  readonly plan: Plan;

  constructor(federation: Federation) {
    this.files = federation.render();
    this.plan = readPlan(this.content('plan.yaml'));
  }

  static of(props: FederationProps): Rendered {
    return new Rendered(new Federation(props));
  }

  /** The content of one file. */
  content(path: string): string {
    const file = this.files.find((candidate) => candidate.path === path);
    if (file === undefined) throw new Error(`${path} is not rendered; there are ${this.paths().join(', ')}`);
    return file.content;
  }

  paths(): string[] {
    return this.files.map(({ path }) => path);
  }

  /** The path of the one file of a bundle with this name, whatever its number. */
  path(bundle: string, name: string): string {
    const found = this.paths().filter((path) => path.replace(/\/\d+-/, '/') === `${bundle}/${name}`);
    if (found.length !== 1) throw new Error(`${bundle}/${name} is rendered ${found.length} times`);
    return found[0] ?? '';
  }

  /** The Kubernetes objects of a file. */
  objectsOf(path: string): Manifest[] {
    return documents(this.content(path)) as Manifest[];
  }

  /** The Kubernetes objects of a bundle that apply brings there, with the files that they are in. */
  objects(bundle: string): { path: string; object: Manifest }[] {
    return this.paths()
      .filter((path) => path.startsWith(`${bundle}/`) && (path.endsWith('.yaml') || this.isMerged(path)))
      .flatMap((path) => this.objectsOf(path).map((object) => ({ path, object })));
  }

  /** The one object of a bundle with this kind and name. */
  object(bundle: string, kind: string, name: string): Manifest {
    const found = this.objects(bundle).filter(({ object }) => object.kind === kind && object.metadata.name === name);
    if (found.length !== 1) throw new Error(`${bundle} has ${found.length} objects ${kind} ${name}`);
    return (found[0] as { object: Manifest }).object;
  }

  /** The one step with this id. */
  step(id: string): Plan['steps'][number] {
    const step = this.plan.steps.find((candidate) => candidate.id === id);
    if (step === undefined) throw new Error(`there is no step ${id}`);
    return step;
  }

  /** Whether a file holds an object of which apply merges something into the one that is there. */
  private isMerged(path: string): boolean {
    return this.plan.steps.some((step) => step.kind === 'stub-domain' && step.file === path);
  }

  /** The names of all bundles. */
  bundles(): string[] {
    return [...new Set(this.paths().flatMap((path) => (path.includes('/') ? [path.split('/')[0] ?? ''] : [])))];
  }
}

/** A value inside an object, by its path; numbers are places in lists. */
export function valueAt(object: unknown, ...path: (string | number)[]): unknown {
  return path.reduce<unknown>((value, key) => {
    if (value === null || typeof value !== 'object') throw new Error(`nothing is at ${path.join('.')}`);
    return (value as Record<string | number, unknown>)[key];
  }, object);
}

import { Federation } from '../../lib';
import { Manifest } from '../../lib/dialect/dialect';
import { Plan, readPlan } from '../../lib/plan/plan';
import { ClusterProps, FederationProps } from '../../lib/topology/types';
import { documents } from '../../lib/yaml';

/** A cluster of the guide, on a Kubernetes that runs today. */
export function cluster(
  name: string,
  place: readonly [region: string, zone: string],
  third: number,
  more: Partial<ClusterProps> = {},
): ClusterProps {
  const [region, zone] = place;
  return {
    name,
    server: `https://10.11.12.${third}:6443`,
    region,
    zone,
    kubernetesVersion: '1.34.4',
    addressRange: `10.210.${third}.100/26`,
    ...more,
  };
}

/** The guide's topology in the stack external-dns, with what a test changes. */
export function props(more: Partial<FederationProps> = {}): FederationProps {
  return {
    stack: 'external-dns',
    hostCluster: 'fcp',
    clusters: [
      cluster('fcp', ['europe', 'fr'], 1),
      cluster('usa', ['america', 'us'], 3),
      cluster('chn', ['asia', 'cn'], 2),
    ],
    dns: { zone: 'example.com.', endpoint: '10.11.4.82:32609' },
    workloads: [{ name: 'hello-world', image: 'artmr/hello-world:latest', replicas: 12, port: 8080 }],
    ...more,
  };
}

/** A container, as far as tests look into it. */
export interface LooseContainer {
  readonly name: string;
  readonly image: string;
  readonly args: readonly string[];
  readonly env: unknown;
  readonly readinessProbe?: unknown;
  readonly securityContext: { readonly capabilities: { readonly drop: unknown } };
}

/** A pod's spec, likewise. */
export interface LoosePodSpec {
  readonly containers: readonly [LooseContainer, ...LooseContainer[]];
  readonly volumes?: unknown;
  readonly securityContext?: unknown;
  readonly automountServiceAccountToken?: boolean;
  /** An ApplicationSet's. */
  readonly sources?: unknown;
}

/** A spec of any of the kinds. */
export interface LooseSpec {
  readonly replicas: number;
  readonly type?: string;
  readonly ports: readonly { readonly protocol: string; readonly nodePort: number }[];
  readonly ingress: readonly unknown[];
  readonly maxUnavailable?: unknown;
  readonly persistentVolumeClaimRetentionPolicy?: unknown;
  readonly volumeClaimTemplates: readonly [{ readonly spec: { readonly resources: { readonly requests: unknown } } }];
  readonly selector?: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly template: LooseTemplate;
  readonly generators: readonly [{ readonly list: { readonly elements: unknown } }];
  readonly path?: unknown;
  readonly dependsOn?: unknown;
}

/** A pod template. */
export interface LooseTemplate {
  readonly metadata: {
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec: LoosePodSpec;
}

/** An object, as far as tests look into it: what a kind does not have is never asked of it. */
export interface Loose extends Manifest {
  readonly metadata: Manifest['metadata'] & { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: LooseSpec;
  readonly data: Readonly<Record<string, string>>;
}

/** A rendered dist/, to look into. */
export class Rendered {
  readonly files: ReadonlyMap<string, string>;

  constructor(more: Partial<FederationProps> = {}) {
    this.files = new Map(new Federation(props(more)).render().map(({ path, content }) => [path, content]));
  }

  /** The one file whose path ends with this. */
  text(end: string): string {
    const found = [...this.files].filter(([path]) => path.endsWith(end));
    if (found.length !== 1) throw new Error(`${found.length} files end with ${end}`);
    return found[0]?.[1] ?? '';
  }

  /** The objects of a bundle's manifests. */
  objects(bundle: string): Loose[] {
    return [...this.files]
      .filter(([path]) => path.startsWith(`${bundle}/`) && path.endsWith('.yaml'))
      .flatMap(([, content]) => documents(content) as Loose[]);
  }

  /** The one object of a kind and name in a bundle. */
  object(bundle: string, kind: string, name: string): Loose {
    const found = this.objects(bundle).filter((object) => object.kind === kind && object.metadata.name === name);
    if (found.length !== 1 || !found[0]) throw new Error(`${found.length} objects are ${bundle}: ${kind} ${name}`);
    return found[0];
  }

  plan(): Plan {
    return readPlan(this.text('plan.yaml'));
  }
}

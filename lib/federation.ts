import { App } from 'cdk8s';
import { Bundle, ORDER_STEP, OutputFile } from './bundle';
import { Component } from './components/component';
import { controlPlaneStep } from './components/control-plane';
import { joinStep } from './components/membership';
import { bundleFiles, commonFiles, commonList, listedFiles } from './delivery';
import { federationTarget } from './dialect/dialect';
import { FederationError } from './errors';
import { labelsOf } from './labels';
import { PLAN_FILE } from './plan/file';
import { digest, inOrder, Plan, PLAN_VERSION, writePlan } from './plan/plan';
import { Step } from './plan/step';
import { STACKS } from './stacks';
import { FEDERATION_BUNDLE } from './topology/check';
import { versionOfTag } from './topology/images';
import { KUBECTL } from './topology/kubectl';
import { resolveTopology, Topology } from './topology/resolve';
import { FederationProps } from './topology/types';

/** Number with which the files of the user's own charts begin: after every component's. */
const USER_ORDER = 90;
/** How many of them there are, two digits each. */
const USER_NUMBERS = 10;

/**
 * A federation of clusters, declared once; everything else is derived from it.
 *
 * ```ts
 * const federation = new Federation({ hostCluster: 'fcp', dns: { … }, clusters: [ … ], workloads: [ … ] });
 * new MyChart(federation.cluster('usa'), 'monitoring'); // into one cluster's bundle
 * new MyChart(federation.federated(), 'web'); // into the federation's own
 * ```
 */
export class Federation {
  /** The declaration, checked and with all defaults. */
  readonly topology: Topology;
  private readonly apps = new Map<string, App>();
  private readonly federatedApp = new App();

  /** @throws TopologyError with all mistakes at once */
  constructor(props: FederationProps) {
    this.topology = resolveTopology(props);
  }

  /**
   * The App for charts of the user's own in one cluster's bundle. They come out in the cluster's dialect, and apply
   * brings them there after the components.
   *
   * @throws FederationError when there is no such cluster
   */
  cluster(name: string): App {
    if (!this.topology.clusters.some((cluster) => cluster.name === name)) {
      const names = this.topology.clusters.map((cluster) => cluster.name).join(', ');
      throw new FederationError('There is no such cluster.', [
        { where: `cluster('${name}')`, problem: `'${name}' is not declared`, hint: `Declared are: ${names}.` },
      ]);
    }
    return this.app(name);
  }

  /** The App for charts of the user's own in the federation itself, whose controllers bring them into every member. */
  federated(): App {
    return this.federatedApp;
  }

  /**
   * Everything that `dist/` holds, the plan last. The same topology gives the same bytes.
   *
   * @throws ListError, DialectError, CollisionError, PlanError
   */
  render(): OutputFile[] {
    const { topology } = this;
    const components = STACKS[topology.stack];
    const labels = labelsOf(topology.name);
    // Without a control plane that would spread them, the federation's own charts are rendered into every cluster.
    const standsAlone = topology.stack !== 'federation-v1';
    const files: OutputFile[] = [];
    const steps: Step[] = [];
    const bundles: Bundle[] = [];

    const federation = new Bundle(
      FEDERATION_BUNDLE,
      federationTarget(FEDERATION_BUNDLE, [
        ...topology.clusters.map((cluster) => cluster.minor),
        ...controlPlaneMinor(topology),
      ]),
      topology.name,
    );
    each(components, federation, (component) => component.federation?.(federation, topology));
    if (!standsAlone) {
      const needs = new Set([
        controlPlaneStep(topology),
        ...topology.clusters.map(joinStep),
        ...federation.steps.map(({ id }) => id),
      ]);
      federation.userCharts(this.federated(), topology.name, [...needs], {
        copies: topology.clusters.map(({ context }) => context),
      });
    }
    files.push(...listedFiles(federation, topology));
    steps.push(...federation.steps);

    for (const cluster of topology.clusters) {
      const bundle = new Bundle(cluster.name, { name: cluster.name, minor: cluster.minor }, topology.name);
      each(components, bundle, (component) => component.cluster?.(bundle, cluster, topology));
      const applied = bundle.steps.filter(({ kind }) => kind === 'apply' || kind === 'create').map(({ id }) => id);
      const apps = [...(standsAlone ? [this.federated()] : []), this.app(cluster.name)];
      for (const app of apps) bundle.userCharts(app, cluster.context, applied, standsAlone ? { serverSide: true } : {});
      files.push(...(standsAlone ? bundleFiles(bundle, topology, labels) : listedFiles(bundle, topology)));
      steps.push(...bundle.steps);
      bundles.push(bundle);
    }
    files.push(
      ...(standsAlone ? commonFiles(bundles, topology, labels) : [commonList([federation, ...bundles], topology)]),
    );

    const order = new Map(components.map((component, i) => [component.name, i]));
    const position = (step: Step): number => order.get(step.component) ?? components.length;
    const sorted = steps.sort((a, b) => position(a) - position(b));
    files.push({ path: PLAN_FILE, content: writePlan(this.plan(files, inOrder(sorted).order)) });
    return files;
  }

  private app(bundle: string): App {
    const app = this.apps.get(bundle) ?? new App();
    this.apps.set(bundle, app);
    return app;
  }

  private plan(files: readonly OutputFile[], steps: readonly Step[]): Plan {
    const { topology } = this;
    return {
      version: PLAN_VERSION,
      stack: topology.stack,
      federation: topology.name,
      hostCluster: topology.host.name,
      dns: { zone: topology.dns.zone, server: topology.dns.server },
      clusters: topology.clusters.map(
        ({ name, context, kubectl, server, kubernetesVersion, region, zone, addressRange }) => ({
          name,
          context,
          ...(kubectl !== KUBECTL && { kubectl }),
          server,
          kubernetesVersion,
          region,
          zone,
          addressRange,
        }),
      ),
      workloads: topology.workloads.map(({ name, namespace }) => ({ name, namespace })),
      files: files.map(({ path, content }) => ({ path, sha256: digest(content) })),
      steps,
    };
  }
}

/** The minor version that the control plane's image says, where it says one: it has to know the federated objects. */
function controlPlaneMinor({ controlPlane }: Topology): number[] {
  const version = controlPlane.image === undefined ? undefined : versionOfTag(controlPlane.image);
  return version === undefined ? [] : [version.minor];
}

/** Lets every component add its part; its files are numbered by its place in the stack. */
function each(components: readonly Component[], bundle: Bundle, add: (component: Component) => void): void {
  components.forEach((component, i) => {
    bundle.begin(component.name, 10 + i * ORDER_STEP);
    add(component);
  });
  bundle.begin('charts', USER_ORDER, USER_NUMBERS);
}

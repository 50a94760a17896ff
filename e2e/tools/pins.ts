/**
 * The programs that the e2e tier runs and the versions it is proven with: the one place where a version is changed.
 * (For the two module builds the version stands in the module's go.mod too; build.ts refuses a mismatch.)
 */

/** Built inside a module of this repository, because its authors' go.mod has replaces that `go install` refuses. */
export interface ModuleBuild {
  readonly kind: 'module';
  /** The module's folder under e2e/tools. */
  readonly folder: string;
  /** The required module whose version in go.mod must be the pin's. */
  readonly module: string;
  /** The package of the program's main function. */
  readonly package: string;
}

/** Built by plain `go install package@version`, which takes the exact dependencies that its authors chose. */
export interface InstallBuild {
  readonly kind: 'install';
  /** The package of the program's main function. */
  readonly package: string;
}

/** One pinned program. */
export interface Pin {
  /** The program's version, as its authors tag it. */
  readonly version: string;
  /** How it is built. */
  readonly build: ModuleBuild | InstallBuild;
  /**
   * Go string variables set when linking: what the authors' release scripts set, so that the program says its own version.
   * @default none
   */
  readonly variables?: Readonly<Record<string, string>>;
}

const KUBERNETES = 'v1.34.4';
const ETCD = 'v3.6.8';

function kubernetes(program: string): Pin {
  const [major = '', minor = ''] = KUBERNETES.slice(1).split('.');
  const variables: Record<string, string> = {};
  // The first is what `version` and /version answer, the second what the User-Agent says.
  for (const owner of ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version']) {
    variables[`${owner}.gitVersion`] = KUBERNETES;
    variables[`${owner}.gitMajor`] = major;
    variables[`${owner}.gitMinor`] = minor;
  }
  const module = 'k8s.io/kubernetes';
  return {
    version: KUBERNETES,
    build: { kind: 'module', folder: 'kubernetes', module, package: `${module}/cmd/${program}` },
    variables,
  };
}

function etcd(module: string): Pin {
  return { version: ETCD, build: { kind: 'module', folder: 'etcd', module, package: module } };
}

/** A small program of this repository's own around CoreDNS' parser of Corefiles, in the version that CoreDNS has it. */
function corefileReader(): Pin {
  const module = 'github.com/coredns/caddy';
  const version = 'v1.1.4-0.20250930002214-15135a999495';
  return { version, build: { kind: 'module', folder: 'corefile', module, package: '.' } };
}

function installed(pkg: string, version: string, variables?: Readonly<Record<string, string>>): Pin {
  return { version, build: { kind: 'install', package: pkg }, variables };
}

/** Every program by the name of its file, in the order of building: what a control plane needs comes first. */
export const PINS = {
  etcd: etcd('go.etcd.io/etcd/server/v3'),
  etcdctl: etcd('go.etcd.io/etcd/etcdctl/v3'),
  'kube-apiserver': kubernetes('kube-apiserver'),
  kubectl: kubernetes('kubectl'),
  'kube-controller-manager': kubernetes('kube-controller-manager'),
  'kube-scheduler': kubernetes('kube-scheduler'),
  kwok: installed('sigs.k8s.io/kwok/cmd/kwok', 'v0.7.0'),
  coredns: installed('github.com/coredns/coredns', 'v1.14.7'),
  'corefile-reader': corefileReader(),
  helm: installed('helm.sh/helm/v3/cmd/helm', 'v3.22.0', {
    'helm.sh/helm/v3/internal/version.version': 'v3.22.0',
    // What charts see as the cluster's version where helm does not ask a cluster; unset it would be 1.20.
    'helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor': '1',
    'helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor': '37',
  }),
  'external-dns': installed('sigs.k8s.io/external-dns', 'v0.21.0', {
    'sigs.k8s.io/external-dns/pkg/apis/externaldns.Version': 'v0.21.0',
  }),
  'metallb-controller': installed('go.universe.tf/metallb/controller', 'v0.15.2'),
} satisfies Record<string, Pin>;

/** The name of a pinned program, which is the name of its file. */
export type ToolName = keyof typeof PINS;

/** All names, in the order of building. */
export const TOOL_NAMES = Object.keys(PINS) as readonly ToolName[];

/** Whether a word is the name of a pinned program. */
export function isToolName(word: string): word is ToolName {
  return Object.prototype.hasOwnProperty.call(PINS, word);
}

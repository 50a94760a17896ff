import { coerce, gte, lt, parse } from 'semver';
import { isIPv4, isNodeAddress, parseAddressRange, sizeOf } from './addresses';
import type { Checker } from './check';
import { checkCharts, checkPrefix } from './check-sources';
import { CoreDnsInstall, FederationProps } from './types';

/** Name of CoreDNS' chart in its repository. */
export const COREDNS_CHART = 'coredns';
/** How CoreDNS is installed where the topology does not say it. */
export const DEFAULT_INSTALL: CoreDnsInstall = 'helm';

/** A federated Service has an address in every member, whatever the placement of the workload. */
function checkRoom(c: Checker, { clusters, workloads = [] }: FederationProps): void {
  clusters.forEach(({ addressRange }, i) => {
    const range = parseAddressRange(addressRange);
    if (typeof range === 'string' || workloads.length <= sizeOf(range)) return;
    c.add(
      `clusters[${i}].addressRange`,
      `'${addressRange}' (${range.first} to ${range.last}) has ${sizeOf(range)} addresses, and each of ${workloads.length} workloads takes one`,
      'Widen the range, or declare fewer workloads.',
    );
  });
}

/** What only the stack `federation-v1` has to be told. */
export function checkFederationV1(c: Checker, props: FederationProps): void {
  const { etcd, coreDns, keepalived, controlPlane } = props;
  checkRoom(c, props);
  if (etcd?.version !== undefined) {
    const version = parse(etcd.version);
    if (version?.version !== etcd.version || version.major !== 3 || version.minor > 3 || version.compare('3.0.0') < 0) {
      c.add(
        'etcd.version',
        `'${etcd.version}' does not serve the v2 API by default`,
        'Use a version from 3.0.0 to 3.3.x, such as 3.1.8.',
      );
    }
  }
  c.image('etcd.operatorImage', etcd?.operatorImage);
  if (coreDns?.chartVersion !== undefined) {
    const version = parse(coreDns.chartVersion);
    const isRelease = version?.version === coreDns.chartVersion && version.prerelease.length === 0;
    if (!isRelease || version.compare('0.1.0') < 0 || version.compare('0.9.1') > 0) {
      c.add(
        'coreDns.chartVersion',
        `'${coreDns.chartVersion}' brings no CoreDNS that reads etcd v2`,
        'Use 0.1.0 to 0.9.1, such as 0.6.0.',
      );
    }
  }
  c.image('keepalived.vipImage', keepalived?.vipImage);
  c.image('keepalived.cloudProviderImage', keepalived?.cloudProviderImage);
  c.image('controlPlane.image', controlPlane?.image);
  const advertised = controlPlane?.advertiseAddress;
  if (advertised !== undefined && !(isIPv4(advertised) && isNodeAddress(advertised))) {
    c.add(
      'controlPlane.advertiseAddress',
      `'${advertised}' is ${isIPv4(advertised) ? 'an address that no node has' : 'no IPv4 address'}`,
      'Give the address of a node of the host cluster.',
    );
  }
  checkSources(c, props);
}

/** Where images and the chart come from. */
function checkSources(c: Checker, props: FederationProps): void {
  const { images, charts, coreDns, controlPlane, etcd, keepalived, workloads = [] } = props;
  const install = coreDns?.install ?? DEFAULT_INSTALL;
  c.image('coreDns.tillerImage', coreDns?.tillerImage);
  c.image('coreDns.image', coreDns?.image);
  c.image('controlPlane.etcdImage', controlPlane?.etcdImage);
  checkPrefix(c, images?.prefix, [
    ['controlPlane.image', controlPlane?.image],
    ['controlPlane.etcdImage', controlPlane?.etcdImage],
    ['coreDns.tillerImage', coreDns?.tillerImage],
    ['coreDns.image', coreDns?.image],
    ['etcd.operatorImage', etcd?.operatorImage],
    ['keepalived.vipImage', keepalived?.vipImage],
    ['keepalived.cloudProviderImage', keepalived?.cloudProviderImage],
    ...workloads.map(({ image }, i): [string, string] => [`workloads[${i}].image`, image]),
  ]);
  checkCharts(c, charts);
  checkCoreDnsImage(c, coreDns?.image);
  checkInstall(c, props, install);
  if (images?.prefix !== undefined) {
    checkNamed(c, 'controlPlane.image', controlPlane?.image, 'kubefed init');
    checkNamed(c, 'controlPlane.etcdImage', controlPlane?.etcdImage, 'kubefed init');
    if (install === 'helm') checkNamed(c, 'coreDns.tillerImage', coreDns?.tillerImage, 'helm init');
  }
  if (install === 'helm' && charts?.folder === undefined) {
    props.clusters.forEach(({ name }, i) => {
      if (name !== COREDNS_CHART) return;
      c.add(
        `clusters[${i}].name`,
        `'${name}' is the chart's name: helm would take the cluster's folder in dist/ for it`,
        'Name the cluster otherwise.',
      );
    });
  }
}

/** Props of the other way to install CoreDNS, which would silently do nothing. */
function checkInstall(c: Checker, { coreDns, charts }: FederationProps, install: CoreDnsInstall): void {
  const others: Record<CoreDnsInstall, readonly [string, unknown][]> = {
    manifests: [
      ['coreDns.chartVersion', coreDns?.chartVersion],
      ['coreDns.tillerImage', coreDns?.tillerImage],
      ['charts', charts],
    ],
    helm: [['coreDns.image', coreDns?.image]],
  };
  for (const [where, value] of others[install].filter(([, given]) => given !== undefined)) {
    const other = install === 'helm' ? 'manifests' : 'helm';
    c.add(
      where,
      `${JSON.stringify(value)} does nothing where CoreDNS is installed by ${install}`,
      `Leave it out, or set coreDns.install to '${other}'.`,
    );
  }
}

/** Tags of CoreDNS' first releases, which have three digits and no dots, as versions: 006 came before 0.9.9. */
const tagVersion = (tag: string): string | undefined =>
  /^0\d\d$/.test(tag) ? `0.0.${Number(tag)}` : coerce(tag, { includePrerelease: false })?.version;

/** The Corefile is for CoreDNS 006 and later, and from 1.2.0 on CoreDNS reads etcd v3 while the federation writes v2. */
function checkCoreDnsImage(c: Checker, image: string | undefined): void {
  // What a tag in words or a digest stands for cannot be told.
  const version = tagVersion(/:([\w.-]+)(?:@.*)?$/.exec(image ?? '')?.[1] ?? '');
  if (version === undefined || (gte(version, '0.0.6') && lt(version, '1.2.0'))) return;
  c.add('coreDns.image', `'${image ?? ''}' is no CoreDNS that reads etcd v2`, 'Use 006 to 1.1.x, such as 006.');
}

/** An image that a program chooses by its own version cannot be given a prefix. */
function checkNamed(c: Checker, where: string, image: string | undefined, program: string): void {
  if (image !== undefined) return;
  c.add(
    where,
    `is missing, and ${program} would have one pulled from where images.prefix does not lead`,
    'Name the image, without the prefix.',
  );
}

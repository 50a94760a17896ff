import { IMAGE_RULES, imageFault, isImage, isImagePrefix, versionOfTag } from '../../../lib/topology/images';

const DIGEST = `sha256:${'0'.repeat(64)}`;

describe('the version of a tag', () => {
  test.each([
    ['registry.k8s.io/external-dns/external-dns:v0.15.0', '0.15.0'],
    ['registry.k8s.io/etcd:3.5.9-0', '3.5.9'],
    ['quay.io/coreos/etcd:v3.4.23', '3.4.23'],
    ['coredns/coredns:1.1.3', '1.1.3'],
    ['gcr.io/google_containers/kube-keepalived-vip:0.9', '0.9.0'],
    ['gcr.io/google_containers/hyperkube-amd64:v1.7.3_coreos.0', '1.7.3'],
    [`registry:5000/etcd:3.5.9@${DIGEST}`, '3.5.9'],
  ])('%s is %s', (image, version) => {
    expect(versionOfTag(image)?.version).toBe(version);
  });

  test.each([
    'etcd',
    'etcd:latest',
    'etcd:stable-2',
    'etcd:v3',
    'etcd:1.2.3.4',
    'etcd:1.2e3abc',
    'registry:5000/etcd',
    `etcd@${DIGEST}`,
  ])('%s says none', (image) => {
    expect(versionOfTag(image)).toBeUndefined();
  });
});

describe('an image of a version', () => {
  /** The rules, each with the last version that lacks something and the first that does not. */
  test.each<[keyof typeof IMAGE_RULES, string, string]>([
    ['images.externalDns', 'v0.20.0', 'v0.21.0'],
    ['images.etcd', '3.5.10-0', '3.5.11-0'],
    ['images.coreDns', '1.5.1', '1.5.2'],
    ['etcd.operatorImage', 'v0.4.2', 'v0.5.0'],
    ['controlPlane.image', 'v1.6.13', 'v1.7.0'],
    ['controlPlane.image', 'v1.12.0', 'v1.11.10'],
    ['keepalived.vipImage', '0.8', '0.9'],
    ['keepalived.vipImage', '0.11', '0.9'],
    ['keepalived.vipImage', '0.16', '0.9-mirrored'],
  ])('%s: %s is refused, %s is not', (prop, refused, taken) => {
    expect(imageFault(`a.b/c:${refused}`, IMAGE_RULES[prop])).toMatchObject({
      problem: `'a.b/c:${refused}' ${IMAGE_RULES[prop].lacks}`,
    });
    expect(imageFault(`a.b/c:${taken}`, IMAGE_RULES[prop])).toBeUndefined();
  });

  test.each(Object.keys(IMAGE_RULES) as (keyof typeof IMAGE_RULES)[])('%s: other tags and digests pass', (prop) => {
    for (const image of ['a.b/c', 'a.b/c:latest', 'a.b/c:stable', `a.b/c@${DIGEST}`]) {
      expect(imageFault(image, IMAGE_RULES[prop])).toBeUndefined();
    }
  });
});

describe('a reference', () => {
  test.each([
    'a',
    'a:1',
    'localhost/a',
    'registry:5000/a/b:1',
    'Registry.example.org/a',
    '10.0.0.1:443/a_b/c__d/e--f',
    `a.b/c:1@${DIGEST}`,
    `a@${DIGEST}`,
  ])('%s is one', (image) => {
    expect(isImage(image)).toBe(true);
  });

  test.each([
    '',
    'A',
    'a.b:0/c',
    'a.b:65536/c',
    'a..b/C',
    '-a.b/c:1',
    'a-.b:1/c',
    'a.b_c/d',
    'a/b/',
    'a:',
    'a@sha256:0',
    '0'.repeat(64),
    `${'a/'.repeat(128)}a`,
  ])('%s is none', (image) => {
    expect(isImage(image)).toBe(false);
  });
});

describe('a prefix', () => {
  test.each(['registry.local', 'registry.local/mirror', 'registry:5000', 'localhost/x', 'registry:5000/a/b'])(
    '%s is one',
    (prefix) => {
      expect(isImagePrefix(prefix)).toBe(true);
    },
  );

  // `mirror/quay.io/x` is an image of Docker Hub.
  test.each([
    'mirror',
    'mirror/x',
    'registry.local/',
    'registry.local/a//b',
    'registry.local:70000',
    'a..b',
    'a.b:1:2',
  ])('%s is none', (prefix) => {
    expect(isImagePrefix(prefix)).toBe(false);
  });
});

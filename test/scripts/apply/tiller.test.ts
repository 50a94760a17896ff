/** Which Helm 2 fits which server and which Tiller. */
import { SemVer } from 'semver';
import { tillerFault } from '../../../scripts/apply/tiller';
import { guideAt, guideProps, Rendered } from '../../support/guide';
import { NEVER } from './support';

const OURS = 'tiller';

interface Case {
  readonly helm: string;
  /** Of the host cluster. */
  readonly kubernetes?: string;
  /** The Tiller that runs. @default none */
  readonly tiller?: { readonly image: string; readonly account: string };
  /** What the topology names. @default helm's own */
  readonly wanted?: string;
}

/** What is said of a Helm; nothing where it fits. */
async function said({ helm, kubernetes = '1.7.3', tiller, wanted }: Case): Promise<string | undefined> {
  const props = guideAt(kubernetes, wanted === undefined ? {} : { coreDns: { tillerImage: wanted } });
  const live = tiller && {
    apiVersion: 'extensions/v1beta1',
    kind: 'Deployment',
    metadata: { name: 'tiller-deploy', namespace: 'kube-system' },
    spec: { template: { spec: { serviceAccountName: tiller.account, containers: [{ image: tiller.image }] } } },
  };
  const look = () => Promise.resolve({ get: () => live });
  const { plan } = Rendered.of(guideProps(props));
  const fault = await tillerFault({ plan, views: { of: () => ({ look }) }, signal: NEVER }, new SemVer(helm));
  return fault?.problem;
}

test.each(['2.15.0', '2.17.0'])('Helm %s cannot set up Tiller below Kubernetes 1.9', async (helm) => {
  expect(await said({ helm })).toMatch(/whose Tiller the API server of fcp refuses/);
  expect(await said({ helm, kubernetes: '1.9.11' })).toBeUndefined();
});

test('Helm 2.14 can', async () => {
  expect(await said({ helm: '2.14.3' })).toBeUndefined();
});

test.each([
  ['2.16.1', 'gcr.io/kubernetes-helm/tiller:v2.14.3'],
  ['2.8.0', 'registry.local:5000/tiller:v2.7.2'],
])('Helm %s does not fit %s', async (helm, image) => {
  expect(await said({ helm, tiller: { image, account: 'theirs' } })).toBe(
    `is version ${helm}, and Tiller in fcp is ${image}: Tiller refuses a Helm of a newer minor version`,
  );
});

test.each([
  ['2.16.1', 'gcr.io/kubernetes-helm/tiller:v2.16.0'],
  ['2.7.2', 'gcr.io/kubernetes-helm/tiller:v2.14.3'],
  ['2.14.3', 'registry.local/tiller:ours'],
])('Helm %s fits %s', async (helm, image) => {
  expect(await said({ helm, tiller: { image, account: 'theirs' } })).toBeUndefined();
});

test('this plan’s own Tiller is judged by the image that it will run, another by the one that it runs', async () => {
  const image = 'gcr.io/kubernetes-helm/tiller:v2.7.2';
  const newer = { helm: '2.9.1', wanted: 'registry.local/tiller:v2.9.1' };
  expect(await said({ ...newer, tiller: { image, account: OURS } })).toBeUndefined();
  expect(await said({ ...newer, tiller: { image, account: 'theirs' } })).toMatch(/Tiller refuses a Helm of a newer/);
});

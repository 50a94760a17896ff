import { FederationProps } from '../../lib/topology/types';
import { GUIDE_CLUSTERS } from '../support/guide';
import { sharedFederation } from './support/shared';

/** Members whose objects say more than a federation of 1.7 knows (`allowPrivilegeEscalation` came with 1.8). */
const clusters: FederationProps['clusters'] = Object.values(GUIDE_CLUSTERS).map((cluster) => ({
  ...cluster,
  kubernetesVersion: '1.10.13',
}));
const shared = sharedFederation({ props: { clusters }, world: { kubectlVersion: '1.10.13', kubefedVersion: '1.7.3' } });

/** The programs that a preflight refuses with a kubefed of this version. helm is always one, so that no run begins. */
async function refusedWith(version: string): Promise<string[]> {
  const { world, cli } = shared.current;
  const stdout = `Client Version: version.Info{Major:"1", GitVersion:"v${version}", GitCommit:"x"}\n`;
  world.inject({ program: 'kubefed', match: /^version/, action: { type: 'exit', code: 0, stdout } });
  world.inject({ program: 'helm', match: /^version/, action: { type: 'exit', code: 0, stdout: 'v3.14.4\n' } });
  const { stderr } = await cli(['apply', '--yes']);
  return [...stderr.matchAll(/^ {2}- (.*?):/gm)].map(([, where = '']) => where);
}

test('a kubefed whose control plane does not know the federated objects is refused before the first write', async () => {
  const { world, cli } = shared.current;
  const ended = await cli(['apply', '--yes']);
  expect(ended).toMatchObject({ code: 2, stdout: '' });
  expect(world.writes).toBe(0);
  expect(ended.stderr).toContain(
    "  - kubefed: is version 1.7.3, and a control plane of that version does not know all of Deployment default/hello-world\n    Put a kubefed of 1.10 first on the PATH, or name the control plane's image in main.ts (controlPlane.image): the federated objects are written for it then.\n",
  );
});

test.each(['1.9.0', '1.10.0', '1.10.0-alpha.1'])('kubefed %s, whose control plane does, is not', async (version) => {
  expect(await refusedWith(version)).toEqual(['helm']);
});

test('an older one is refused for what it lacks, too', async () => {
  expect(await refusedWith('1.5.7')).toEqual(['kubefed', 'helm']);
});

test('where the topology names the image, its version counts, and the objects are written for it', async () => {
  const { resynth } = shared.current;
  resynth({ clusters, controlPlane: { image: 'registry.example.org/fcp:v1.7.3' } });
  expect(await refusedWith('1.7.3')).toEqual(['helm']);
  resynth({ clusters, controlPlane: { image: 'registry.example.org/fcp:v1.10.0' } });
  expect(await refusedWith('1.7.3')).toEqual(['helm']);
});

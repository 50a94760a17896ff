import { fromYaml } from '../../../lib/yaml';
import { guideAt, guideProps, Rendered } from '../../support/guide';

const fragment = (version: string): unknown =>
  fromYaml(Rendered.of(guideAt(version)).content('usa/40-controller-manager-kubeadm.conf'));

const OLD = { controllerManagerExtraArgs: { 'cloud-provider': 'external' } };
const NEW = { controllerManager: { extraArgs: { 'cloud-provider': 'external' } } };

describe('the fragment is in the form that the kubeadm of a version reads', () => {
  test.each([
    ['1.7.3', 'kubeadm.k8s.io/v1alpha1', 'MasterConfiguration', OLD],
    ['1.10.0', 'kubeadm.k8s.io/v1alpha1', 'MasterConfiguration', OLD],
    ['1.11.0', 'kubeadm.k8s.io/v1alpha2', 'MasterConfiguration', OLD],
    ['1.12.0', 'kubeadm.k8s.io/v1alpha3', 'ClusterConfiguration', OLD],
    ['1.13.0', 'kubeadm.k8s.io/v1beta1', 'ClusterConfiguration', NEW],
    ['1.14.0', 'kubeadm.k8s.io/v1beta1', 'ClusterConfiguration', NEW],
    ['1.15.0', 'kubeadm.k8s.io/v1beta2', 'ClusterConfiguration', NEW],
  ])('%s: %s %s', (version, apiVersion, kind, flags) => {
    expect(fragment(version)).toEqual({ apiVersion, kind, ...flags });
  });
});

test('no step brings it anywhere: it is read, and shown where the flag is missing', () => {
  const rendered = Rendered.of(guideProps());
  const steps = rendered.plan.steps.filter((step) => 'file' in step && step.file.endsWith('-kubeadm.conf'));
  expect(steps.map(({ id, kind }) => [id, kind])).toEqual(
    ['fcp', 'usa', 'chn'].map((cluster) => [`${cluster}/controller-manager`, 'controller-manager-flag']),
  );
  expect(rendered.step('usa/controller-manager')).toMatchObject({ flag: '--cloud-provider=external' });
});

test('the file says what to do with it, on both ways, in words for its cluster', () => {
  const text = Rendered.of(guideProps()).content('usa/40-controller-manager-kubeadm.conf');
  expect(text).toMatch(/^# kube-controller-manager of usa has to run with --cloud-provider=external\. Nothing applies/);
  expect(text).toContain('/etc/kubernetes/manifests/kube-controller-manager.yaml on every master');
  expect(text).toContain("kubeadm's configuration file");
});

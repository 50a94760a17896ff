/** What every kubectl has to do with the step kinds of the guide's stack that need no retired program. */
import { GuideClusters, NAMES, OWN_COREFILE } from './guide-clusters';

/**
 * Declares the tests of an apply, and of what others have and do.
 *
 * @param clusters the clusters; there from the first test on
 */
export function testApply(clusters: () => GuideClusters): void {
  test('a plan shows what is to do, and writes nothing', async () => {
    const before = await clusters().resourceVersions();
    const result = await clusters().run('plan');
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout).toContain('+ fcp/hello-world');
    expect(result.stdout).toContain('$ kubectl --context=usa apply --filename=usa/');
    expect(await clusters().resourceVersions()).toEqual(before);
  });

  test('apply brings everything about', async () => {
    const result = await clusters().applyWithAddresses();
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(
      await clusters().kubectl(
        'usa',
        'get',
        'nodes',
        '--output=jsonpath={.items[*].metadata.labels.topology\\.kubernetes\\.io/zone}',
      ),
    ).toBe('us us');
    expect(
      await clusters().kubectl(
        'fcp',
        '--namespace=default',
        'get',
        'service',
        'hello-world',
        '--output=jsonpath={.spec.ports[0].nodePort}',
      ),
    ).toBe('31234');
  });

  test('a second apply writes nothing and says so', async () => {
    const before = await clusters().resourceVersions();
    const result = await clusters().run('apply', '--yes');
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout).toContain('Nothing was written');
    expect(await clusters().resourceVersions()).toEqual(before);
  });

  test('status finds all as planned', async () => {
    expect(await clusters().run('status')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('All is as the plan says.') as string,
    });
  });

  test('what others own stays theirs: Corefile blocks, arguments, annotations, labels', async () => {
    const corefile = await clusters().kubectl(
      'fcp',
      '--namespace=kube-system',
      'get',
      'configmap',
      'coredns',
      '--output=jsonpath={.data.Corefile}',
    );
    expect(corefile.endsWith(OWN_COREFILE)).toBe(true);
    expect(corefile.slice(0, -OWN_COREFILE.length)).toContain('example.com:53 {');
    const args = await clusters().kubectl(
      'fcp',
      '--namespace=kube-system',
      'get',
      'deployment',
      'kube-dns',
      '--output=jsonpath={.spec.template.spec.containers[1].args}',
    );
    expect(JSON.parse(args)).toEqual([
      '-v=2',
      '--',
      '-k',
      '--server=/internal.corp/127.0.0.9',
      '--server=/example.com./127.0.0.1#32609',
    ]);
    expect(
      await clusters().kubectl('fcp', 'get', 'node', 'fcp-node-1', '--output=jsonpath={.metadata.labels.mine}'),
    ).toBe('kept');
  });

  test('allocations that the provider wrote outlive an apply', async () => {
    const patch = JSON.stringify({
      metadata: { annotations: { 'k8s.co/cloud-provider-config': '{"x":1}' } },
      data: { '10.210.1.65': 'default/hello-world' },
    });
    await clusters().kubectl(
      'fcp',
      '--namespace=kube-system',
      'patch',
      'configmap',
      'vip-configmap',
      '--type=merge',
      `--patch=${patch}`,
    );
    expect((await clusters().run('apply', '--yes')).code).toBe(0);
    const data = await clusters().kubectl(
      'fcp',
      '--namespace=kube-system',
      'get',
      'configmap',
      'vip-configmap',
      '--output=jsonpath={.data}{.metadata.annotations.k8s\\.co/cloud-provider-config}',
    );
    expect(data).toBe('{"10.210.1.65":"default/hello-world"}{"x":1}');
  });

  test('what drifts is shown with its difference and set right; a field of another writer stays', async () => {
    await clusters().kubectl(
      'usa',
      '--namespace=kube-system',
      'set',
      'env',
      'deployment/keepalived-cloud-provider',
      'KEEPALIVED_SERVICE_CIDR=10.9.9.0/24',
      'MINE=kept',
    );
    const shown = await clusters().run('plan');
    expect(shown.stdout).toMatch(/usa\/keepalived-cloud-provider[\s\S]*KEEPALIVED_SERVICE_CIDR/);
    expect(shown.stdout).toMatch(/\| -.*10\.9\.9\.0\/24/);
    expect((await clusters().run('status')).code).toBe(1);

    const result = await clusters().run('apply', '--yes');
    expect(result).toMatchObject({ code: 0, stderr: '' });
    const environmentOf = await clusters().kubectl(
      'usa',
      '--namespace=kube-system',
      'get',
      'deployment',
      'keepalived-cloud-provider',
      '--output=json',
    );
    expect(environmentOf).toContain('10.210.2.100/26');
    expect(environmentOf).not.toContain('"value": "10.9.9.0/24"');
  });

  test('an object of the same name that somebody else made is left alone', async () => {
    await clusters().kubectl('usa', '--namespace=default', 'delete', 'deployment', 'hello-world');
    await clusters().kubectl('usa', '--namespace=default', 'create', 'deployment', 'hello-world', '--image=theirs');
    const refused = await clusters().run('apply', '--yes');
    expect(refused.code).toBe(1);
    expect(refused.stdout).toContain(
      'Deployment default/hello-world in usa is there already and was not made by this plan',
    );
    expect(
      await clusters().kubectl(
        'usa',
        '--namespace=default',
        'get',
        'deployment',
        'hello-world',
        '--output=jsonpath={.spec.template.spec.containers[0].image}',
      ),
    ).toBe('theirs');
    await clusters().kubectl('usa', '--namespace=default', 'delete', 'deployment', 'hello-world');
    expect((await clusters().run('apply', '--yes')).code).toBe(0);
  });
}

/** Declares the tests of a teardown. */
export function testTeardown(clusters: () => GuideClusters): void {
  test('teardown takes away what the plan made and leaves everything else', async () => {
    const result = await clusters().run('teardown', '--yes');
    expect(result).toMatchObject({ code: 0, stderr: '' });
    for (const context of NAMES) {
      expect(
        await clusters().kubectl(
          context,
          'get',
          'all,configmaps,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings',
          '--all-namespaces',
          '--selector=app.kubernetes.io/managed-by=onprem-federation',
          '--output=name',
        ),
      ).toBe(context === 'fcp' ? 'configmap/vip-configmap\n' : '');
      expect(
        await clusters().kubectl(
          context,
          '--namespace=kube-system',
          'get',
          'configmap',
          'coredns',
          '--output=jsonpath={.data.Corefile}',
        ),
      ).toBe(OWN_COREFILE);
      const args = await clusters().kubectl(
        context,
        '--namespace=kube-system',
        'get',
        'deployment',
        'kube-dns',
        '--output=jsonpath={.spec.template.spec.containers[1].args}',
      );
      expect(JSON.parse(args)).toEqual(['-v=2', '--', '-k', '--server=/internal.corp/127.0.0.9']);
      expect(
        await clusters().kubectl(
          context,
          'get',
          'nodes',
          '--output=jsonpath={.items[*].metadata.labels.topology\\.kubernetes\\.io/zone}',
        ),
      ).toBe('');
      expect(
        await clusters().kubectl(
          context,
          '--namespace=default',
          'get',
          'configmap',
          'mine',
          '--output=jsonpath={.data.a}',
        ),
      ).toBe('b');
    }
  });
}

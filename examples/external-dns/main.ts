import { join, relative } from 'node:path';
import { Federation } from '../../lib';
import { synthMain } from '../../scripts/synth';

/**
 * The guide's three clusters on a Kubernetes that runs today. Only the stack and the versions differ from the topology
 * of the guide; `npm run synth:external-dns` renders it into dist/ beside this file.
 */
export const topology = (): Federation =>
  new Federation({
    name: 'federation',
    stack: 'external-dns',
    hostCluster: 'fcp',
    clusters: [
      {
        name: 'fcp',
        server: 'https://10.11.12.1:6443',
        region: 'europe',
        zone: 'fr',
        kubernetesVersion: '1.34.4',
        addressRange: '10.210.1.100/26',
      },
      {
        name: 'usa',
        server: 'https://10.11.12.2:6443',
        region: 'america',
        zone: 'us',
        kubernetesVersion: '1.34.4',
        addressRange: '10.210.3.100/26',
      },
      {
        name: 'chn',
        server: 'https://10.11.12.3:6443',
        region: 'asia',
        zone: 'cn',
        kubernetesVersion: '1.34.4',
        addressRange: '10.210.2.100/26',
      },
    ],
    dns: { zone: 'example.com.', endpoint: '10.11.4.82:32609' },
    workloads: [{ name: 'hello-world', image: 'artmr/hello-world:latest', replicas: 12, port: 8080 }],
  });

if (require.main === module) {
  const dist = join(relative(process.cwd(), __dirname), 'dist');
  process.exitCode = synthMain(topology, ['--output', dist, ...process.argv.slice(2)]);
}

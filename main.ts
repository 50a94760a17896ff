import { Federation } from './lib';
import { synthMain } from './scripts/synth';

/**
 * The topology. This is the one file that most users edit; `npm run synth` renders it into dist/.
 */
export const topology = (): Federation =>
  new Federation({
    name: 'federation',
    hostCluster: 'fcp',
    clusters: [
      {
        name: 'fcp',
        server: 'https://10.11.12.1:6443',
        region: 'europe',
        zone: 'fr',
        kubernetesVersion: '1.7.3',
        addressRange: '10.210.1.100/26',
      },
      {
        name: 'usa',
        server: 'https://10.11.12.2:6443',
        region: 'america',
        zone: 'us',
        kubernetesVersion: '1.7.3',
        addressRange: '10.210.3.100/26',
      },
      {
        name: 'chn',
        server: 'https://10.11.12.3:6443',
        region: 'asia',
        zone: 'cn',
        kubernetesVersion: '1.7.3',
        addressRange: '10.210.2.100/26',
      },
    ],
    dns: { zone: 'example.com.', endpoint: '10.11.4.82:32609' },
    workloads: [{ name: 'hello-world', image: 'artmr/hello-world:latest', replicas: 12, port: 8080 }],
  });

if (require.main === module) process.exitCode = synthMain(topology, process.argv.slice(2));

import { Federation } from '../lib';

/** The size that stands for the guide's own topology, out of main.ts. */
export const GUIDE_SIZE = 3;

/**
 * A federation of any size, otherwise as the guide's: one host cluster, one workload. Nothing ever asks its addresses.
 *
 * @param count number of clusters, 1 to 1,000
 */
export function federationOf(count: number): Federation {
  return new Federation({
    hostCluster: 'c0',
    clusters: Array.from({ length: count }, (_, i) => ({
      name: `c${i}`,
      server: `https://10.11.${Math.floor(i / 250)}.${(i % 250) + 1}:6443`,
      region: `r${i % 7}`,
      zone: `z${i}`,
      kubernetesVersion: '1.7.3',
      // Four ranges of 64 addresses to each third byte.
      addressRange: `10.210.${Math.floor(i / 4)}.${(i % 4) * 64}/26`,
    })),
    dns: { zone: 'example.com.', endpoint: '10.11.4.82:32609' },
    workloads: [{ name: 'hello-world', image: 'artmr/hello-world:latest', replicas: 12, port: 8080 }],
  });
}

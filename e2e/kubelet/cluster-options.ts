/** What a cluster has to be started with so that the kubelet of processes can serve it. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { ClusterOptions, MoreArgs } from '../harness/cluster';
import { auditLog, auditPolicy } from './audit';
import { egressConfiguration } from './egress';
import { kwokStages } from './kwok-stages';

/**
 * Adds to a cluster's options: kwok leaves the pods with known images alone, kube-apiserver reaches webhooks through the kubelet's proxy and records
 * who asks for what.
 * @param options the cluster's; their own flags come after those added, and so win
 */
export function withKubelet(options: ClusterOptions): ClusterOptions {
  return {
    ...options,
    apiServerArgs: (dir) => [
      `--audit-policy-file=${writeJson(dir, 'audit-policy.json', auditPolicy(`${options.name}-admin`))}`,
      `--audit-log-path=${auditLog(dir)}`,
      `--egress-selector-config-file=${writeJson(dir, 'egress.json', egressConfiguration(dir))}`,
      ...own(options.apiServerArgs, dir),
    ],
    kwokArgs: (dir) => [`--config=${write(dir, 'kwok.yaml', kwokStages())}`, ...own(options.kwokArgs, dir)],
  };
}

function own(args: MoreArgs = [], dir: string): readonly string[] {
  return typeof args === 'function' ? args(dir) : args;
}

function writeJson(dir: string, name: string, content: unknown): string {
  return write(dir, name, `${JSON.stringify(content, null, 2)}\n`);
}

function write(dir: string, name: string, content: string): string {
  const file = path.join(dir, name);
  fs.writeFileSync(file, content, { mode: 0o600 });
  return file;
}

import { StepKind } from '../../../lib/plan/step';
import { announcement } from './announcement';
import { apply } from './apply';
import { controllerManagerFlag } from './controller-manager-flag';
import { corefile } from './corefile';
import { create } from './create';
import { dnsCheck } from './dns-check';
import { dnsmasqArgument } from './dnsmasq-argument';
import { Handler } from './handler';
import { helmInit } from './helm-init';
import { helmRelease } from './helm-release';
import { kubefedInit } from './kubefed-init';
import { kubefedJoin } from './kubefed-join';
import { labelNodes } from './label-nodes';
import { nodePort } from './node-port';
import { serviceAddress } from './service-address';
import { stubDomain } from './stub-domain';

const HANDLERS: { readonly [K in StepKind]: Handler<K> } = {
  'label-nodes': labelNodes,
  apply,
  create,
  'stub-domain': stubDomain,
  corefile,
  'dnsmasq-argument': dnsmasqArgument,
  announcement,
  'controller-manager-flag': controllerManagerFlag,
  'helm-init': helmInit,
  'helm-release': helmRelease,
  'node-port': nodePort,
  'kubefed-init': kubefedInit,
  'kubefed-join': kubefedJoin,
  'service-address': serviceAddress,
  'dns-check': dnsCheck,
};

/** How steps of a kind are seen, done and undone. */
export function handlerOf<K extends StepKind>(kind: K): Handler<K> {
  // Indexing by a type parameter gives a union that only this cast brings back together.
  return HANDLERS[kind];
}

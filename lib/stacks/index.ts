import { Component } from '../components/component';
import { StackName } from '../topology/types';
import { externalDnsStack } from './external-dns';
import { federationV1 } from './federation-v1';

/** The components of each stack, in their order of use. */
export const STACKS: Readonly<Record<StackName, readonly Component[]>> = {
  'federation-v1': federationV1,
  'external-dns': externalDnsStack,
};

/** Every operation about rights for a time. */
import { delegationOperations } from './delegation-operations.js';
import { elevationOperations } from './elevation-operations.js';
import { policyOperations } from './policy-operations.js';
import type { RequestOptions } from './policy-operations.js';

export function requestOperations(options: RequestOptions & { readonly now: () => Date }) {
  return { ...policyOperations(options), ...elevationOperations(options), ...delegationOperations(options) };
}

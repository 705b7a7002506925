/** Every operation about rights for a time. */
import { elevationOperations } from './elevation-operations.js';
import { policyOperations } from './policy-operations.js';
import type { RequestOptions } from './policy-operations.js';

export function requestOperations(options: RequestOptions) {
  return { ...policyOperations(options), ...elevationOperations(options) };
}

/** Every operation about rights for a time. */
import type { Metrics } from '../platform/metrics.js';
import { delegationOperations } from './delegation-operations.js';
import { elevationOperations } from './elevation-operations.js';
import { emergencyOperations } from './emergency-operations.js';
import { offerOperations } from './offer-operations.js';
import { policyOperations } from './policy-operations.js';
import type { RequestOptions } from './policy-operations.js';
import { reviewOperations } from './review-operations.js';

export function requestOperations(options: RequestOptions & { readonly now: () => Date; readonly metrics: Metrics }) {
  return {
    ...policyOperations(options),
    ...offerOperations(options),
    ...elevationOperations(options),
    ...delegationOperations(options),
    ...emergencyOperations(options),
    ...reviewOperations(options),
  };
}

/** The operation that serves the contract itself. */
import type { Operations } from '../shared/operation.js';
import type { ContractDocument } from './contract.js';

/** Handlers of the contract's own operations. */
export const contractOperations = (document: ContractDocument) =>
  ({
    getContract() {
      return Promise.resolve({
        status: 200,
        body: document,
        headers: { 'cache-control': 'public, max-age=300' },
      });
    },
  }) satisfies Partial<Operations>;

// Made from openapi.yaml by scripts/generate.mjs. Edit that, and run `npm run generate`.

import type {
  CheckData,
  CheckResponses,
  ListObjectsData,
  ListObjectsResponses,
  GetContractData,
  GetContractResponses,
} from './api.js';

/** Input and successful answers of every operation of the contract. */
export interface OperationTypes {
  readonly check: { data: CheckData; responses: CheckResponses };
  readonly listObjects: { data: ListObjectsData; responses: ListObjectsResponses };
  readonly getContract: { data: GetContractData; responses: GetContractResponses };
}

export const operationIds = [
  'check',
  'listObjects',
  'getContract',
] as const satisfies readonly (keyof OperationTypes)[];

/** Every `code` that a problem may carry. */
export const problemCodes = [
  'INVALID_REQUEST',
  'SYNC_TOKEN_INVALID',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'INTERNAL',
  'AUDIT_UNAVAILABLE',
  'DATABASE_UNAVAILABLE',
  'ENGINE_UNAVAILABLE',
  'ISSUER_UNAVAILABLE',
  'OVERLOADED',
  'SYNC_LAG',
] as const;

export type ProblemCode = (typeof problemCodes)[number];

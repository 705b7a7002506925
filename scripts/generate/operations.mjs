/**
 * openapi.yaml to src/contract/: the types of every operation, and the two lists that the compiler holds the code to,
 * operations and problem codes.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@hey-api/openapi-ts';
import { parse } from 'yaml';

const METHODS = new Set(['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace']);
const OPERATION_ID = /^[a-z][A-Za-z0-9]*$/;
/** What `x-permission` may say besides the name of a permission. */
const REQUIREMENTS = ['public', 'decide', 'authenticated', 'platform'];

/** @typedef {{ operationIds: string[]; problemCodes: string[] }} Contract */

/**
 * @param {string} text the contract, as YAML
 * @param {readonly string[]} known the names of all permissions
 * @returns {Contract} in the order of the document
 * @throws {Error} naming every operation that does not say who it is or what it needs
 */
export function readContract(text, known) {
  const document = /** @type {unknown} */ (parse(text));
  /** @type {string[]} */
  const faults = [];
  const operations = Object.entries(recordAt(document, 'paths')).flatMap(([path, item]) =>
    Object.entries(recordAt(item))
      .filter(([method]) => METHODS.has(method))
      .map(([method, operation]) => ({ where: `${method.toUpperCase()} ${path}`, operation: recordAt(operation) })),
  );
  const operationIds = operations.map(({ where, operation }) => {
    const { operationId, 'x-permission': needs } = operation;
    if (typeof operationId !== 'string' || !OPERATION_ID.test(operationId)) faults.push(`${where} has no operationId`);
    if (typeof needs !== 'string') faults.push(`${where} has no x-permission`);
    else if (!REQUIREMENTS.includes(needs) && !known.includes(needs))
      faults.push(`${where} needs the unknown \`${needs}\``);
    return String(operationId);
  });
  if (new Set(operationIds).size !== operationIds.length) faults.push('an operationId occurs twice');
  const codes = recordAt(document, 'components', 'schemas', 'ProblemCode')['enum'];
  if (!Array.isArray(codes)) faults.push('components.schemas.ProblemCode has no enum');
  if (faults.length > 0) throw new Error(`openapi.yaml:\n  ${faults.join('\n  ')}`);
  return { operationIds, problemCodes: Array.isArray(codes) ? codes.map(String) : [] };
}

/** @param {unknown} value @param {string[]} path @returns {Record<string, unknown>} empty where there is none */
function recordAt(value, ...path) {
  const record = typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
  const [key, ...rest] = path;
  return key === undefined ? record : recordAt(record[key], ...rest);
}

/**
 * The types of all schemas and operations, or of some operations and what they are made of.
 *
 * @param {string} file where openapi.yaml is
 * @param {readonly `${'POST' | 'GET'} /${string}`[]} [operations] all where left out
 * @returns {Promise<string>} TypeScript without a header
 */
export async function apiTypes(file, operations) {
  const folder = await mkdtemp(join(tmpdir(), 'bailiwick-contract-'));
  try {
    await createClient({
      input: file,
      ...(operations === undefined
        ? {}
        : { parser: { filters: { operations: { include: [...operations] }, orphans: false } } }),
      output: { path: folder, entryFile: false, header: '' },
      plugins: ['@hey-api/typescript'],
      logs: { level: 'silent', file: false },
    });
    return await readFile(join(folder, 'types.gen.ts'), 'utf8');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * src/contract/operations.ts without its header.
 *
 * @param {Contract} contract
 * @param {string} types the output of `apiTypes`, which the names are checked against
 */
export function operationsSource({ operationIds, problemCodes }, types) {
  const rows = operationIds.map((id) => {
    const name = `${id.charAt(0).toUpperCase()}${id.slice(1)}`;
    for (const type of [`${name}Data`, `${name}Responses`]) {
      if (!types.includes(`export type ${type} =`)) throw new Error(`operation \`${id}\` has no type \`${type}\``);
    }
    return { id, data: `${name}Data`, responses: `${name}Responses` };
  });
  return `
    import type { ${rows.flatMap(({ data, responses }) => [data, responses]).join(', ')} } from './api.js';

    /** Input and successful answers of every operation of the contract. */
    export interface OperationTypes {
      ${rows.map(({ id, data, responses }) => `readonly ${id}: { data: ${data}; responses: ${responses} };`).join('\n')}
    }

    export const operationIds = ${JSON.stringify(operationIds)} as const satisfies readonly (keyof OperationTypes)[];

    /** Every \`code\` that a problem may carry. */
    export const problemCodes = ${JSON.stringify(problemCodes)} as const;

    export type ProblemCode = (typeof problemCodes)[number];
  `;
}

/** A form (`application/x-www-form-urlencoded`) as it is read from strangers: few fields, each given once, all of them text. */
import { Problem } from '../shared/problem.js';
import { invalidRequest } from './problems.js';

/** Throws Problem INVALID_REQUEST, naming the field where there is one. */
export function parseForm(bytes: Uint8Array, maxKeys: number): Record<string, string> {
  const fields = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(Buffer.from(bytes).toString())) {
    if (fields.has(name)) throw invalidRequest([{ field: name, message: 'must not be given twice' }]);
    // Postgres' text cannot hold it.
    if (value.includes('\0')) throw invalidRequest([{ field: name, message: 'holds a NUL character' }]);
    fields.set(name, value);
    if (fields.size > maxKeys) {
      throw new Problem('INVALID_REQUEST', `the request body cannot be read: it has more than ${maxKeys} fields`);
    }
  }
  return Object.fromEntries(fields);
}

/**
 * JSON as it is read from strangers: bounded in depth and keys, and never ambiguous.
 *
 * `JSON.parse` takes the last of two equal keys, so two readers of one body can differ on what it says; and it makes
 * any number of objects. One pass over the text, in time linear in its length, refuses both before anything is built;
 * `JSON.parse` then judges the grammar. tests/unit/json.test.ts.
 */
import { Problem } from '../shared/problem.js';
import { invalidRequest } from './problems.js';

const MAX_DEPTH = 32;

/** Parses UTF-8 JSON. Throws Problem INVALID_REQUEST that says what is wrong, naming the field where there is one. */
export function parseJson(bytes: Uint8Array, maxKeys: number): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw malformed('it is not UTF-8', cause);
  }
  if (text.startsWith('\uFEFF')) throw malformed('it begins with a byte order mark');
  scan(text, maxKeys);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw malformed('it is not JSON', cause);
  }
}

function malformed(reason: string, cause?: unknown): Problem {
  return new Problem('INVALID_REQUEST', `the request body cannot be read: ${reason}`, { cause });
}

function badKey(key: string, message: string): Problem {
  return invalidRequest([{ field: key, message }]);
}

/** Walks brackets and strings; what is between them does not matter here. */
function scan(text: string, maxKeys: number): void {
  /** The keys of each open object; undefined for an array. */
  const open: (Set<string> | undefined)[] = [];
  let keys = 0;
  let field: string | undefined;
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at];
    if (sign === '{' || sign === '[') {
      if (open.push(sign === '{' ? new Set() : undefined) > MAX_DEPTH) {
        throw malformed(`it is nested more than ${MAX_DEPTH} deep`);
      }
    } else if (sign === '}' || sign === ']') {
      open.pop();
    } else if (sign === '"') {
      const end = endOfString(text, at, field);
      const known = open.at(-1);
      if (known !== undefined && isFollowedByColon(text, end)) {
        if ((keys += 1) > maxKeys) throw malformed(`it has more than ${maxKeys} keys`);
        field = addKey(known, text.slice(at, end));
      }
      at = end - 1;
    }
  }
}

/** The index after the closing quote of the string that opens at `start`; `field` is the key that was read last. */
function endOfString(text: string, start: number, field: string | undefined): number {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === '\\') {
      // Postgres' text cannot hold it.
      if (text.startsWith('u0000', at + 1)) {
        throw field === undefined ? malformed('it holds a NUL character') : badKey(field, 'holds a NUL character');
      }
      at += 1;
    } else if (text[at] === '"') return at + 1;
  }
  throw malformed('it is not JSON');
}

function isFollowedByColon(text: string, from: number): boolean {
  let at = from;
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at += 1;
  return text[at] === ':';
}

/** Takes in a key of an open object, and gives it as it reads. */
function addKey(known: Set<string>, quoted: string): string {
  let key: string;
  try {
    // `"a"` and `"\u0061"` are the same key.
    key = quoted.includes('\\') ? String(JSON.parse(quoted)) : quoted.slice(1, -1);
  } catch (cause) {
    throw malformed('it is not JSON', cause);
  }
  if (known.has(key)) throw badKey(key, 'must not be given twice');
  if (key === '__proto__') throw badKey(key, 'is not a field');
  known.add(key);
  return key;
}

/**
 * The document of `bailiwick export` and `import`: who has what, as lines of JSON (NDJSON), one row a line.
 *
 * The first line names the form. Then come the tenants, each with its roles, people, assignments and managers, in this
 * order and by their ids, so that two exports of the same state are the same bytes. What is secret has no place in it.
 */
import { z } from 'zod';

import { presets } from '../contract/presets.js';
import { isId } from '../shared/ids.js';

export const FORM = 'bailiwick-access/1';
/** Characters; the longest line of an export is a role with every permission there is. */
const MAX_LINE = 256 * 1024;

const id = z.string().refine(isId, 'is not an id');
const moment = z.iso.datetime({ precision: 6 }).nullable();
const text = z.string().max(1_000);

const header = z.strictObject({ kind: z.literal('form'), form: z.literal(FORM) });
const tenant = z.strictObject({
  kind: z.literal('tenant'),
  id,
  slug: text,
  name: text,
  preset: z.string().refine((name) => Object.hasOwn(presets, name), 'there is no such preset in this version'),
  status: text,
});
const role = z.strictObject({
  kind: z.literal('role'),
  id,
  name: text,
  description: text,
  /** A role of the preset, which a document does not change. */
  isSystem: z.boolean(),
  permissions: z.array(text).max(1_000),
});
const user = z.strictObject({ kind: z.literal('user'), id, email: text, displayName: text, status: text });
const window = { validFrom: moment, expiresAt: moment };
const assignment = z.strictObject({
  kind: z.literal('assignment'),
  userId: id,
  /** Null where the role is a preset's, in every tenant that has it: then it has a name. */
  roleId: id.nullable(),
  roleName: text.nullable(),
  ...window,
});
const manager = z.strictObject({ kind: z.literal('manager'), userId: id, managedUserId: id, ...window });

const line = z.discriminatedUnion('kind', [header, tenant, role, user, assignment, manager]);

export type Line = z.infer<typeof line>;
export type Kind = Exclude<Line['kind'], 'form'>;
export type LineOf<K extends Line['kind']> = Extract<Line, { kind: K }>;

/** What is wrong with a document, and where. */
export class DocumentFault extends Error {
  constructor(lineNumber: number, what: string) {
    super(`line ${String(lineNumber)}: ${what}`);
    this.name = 'DocumentFault';
  }
}

export interface Numbered {
  readonly number: number;
  readonly line: Line;
}

/** Reads a document line by line. Throws a DocumentFault at the first line that is not of the form. */
export async function* readLines(chunks: AsyncIterable<string>): AsyncGenerator<Numbered> {
  let number = 0;
  for await (const each of splitLines(chunks)) {
    number += 1;
    if (each.length > MAX_LINE) throw new DocumentFault(number, `is over ${String(MAX_LINE)} characters long`);
    const parsed = line.safeParse(parseJson(each, number));
    if (!parsed.success) throw new DocumentFault(number, describe(parsed.error));
    if ((number === 1) !== (parsed.data.kind === 'form')) {
      throw new DocumentFault(number, `the first line, and no other, is {"kind":"form","form":"${FORM}"}`);
    }
    yield { number, line: parsed.data };
  }
  if (number === 0) throw new DocumentFault(1, 'the document is empty');
}

async function* splitLines(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of chunks) {
    const [first = '', ...more] = chunk.split('\n');
    rest += first;
    for (const next of more) {
      yield rest;
      rest = next;
    }
    // Nothing that follows can make it any shorter.
    if (rest.length > MAX_LINE) break;
  }
  if (rest !== '') yield rest;
}

function parseJson(text: string, number: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new DocumentFault(number, 'is not JSON');
  }
}

function describe(error: z.ZodError): string {
  const [issue] = error.issues;
  return issue === undefined ? 'is not of the form' : `${issue.path.join('.') || 'the line'}: ${issue.message}`;
}

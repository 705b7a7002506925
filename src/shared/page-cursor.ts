/** Cursors of lists that are read from rows: opaque to outsiders, base64url of a JSON array of texts and flags. */
import { z } from 'zod';

import { Problem } from './problem.js';

/** A cursor that goes on after the place. */
export function encodePlace(place: readonly (string | boolean)[]): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/** The place that a cursor names, in the form of `schema`; undefined begins the list. Throws Problem INVALID_REQUEST. */
export function decodePlace<T>(cursor: string | undefined, schema: z.ZodType<T>): T | undefined {
  if (cursor === undefined) return undefined;
  const place = schema.safeParse(parse(cursor));
  if (place.success) return place.data;
  const message = 'is not the `nextCursor` of a page of this list';
  throw new Problem('INVALID_REQUEST', `\`cursor\` ${message}`, { errors: [{ field: 'cursor', message }] });
}

/** A page of at most `limit` of the rows, of which one more was read to tell whether another page follows. */
export function toPage<T>(
  rows: readonly T[],
  limit: number,
  placeOf: (row: T) => readonly (string | boolean)[],
): { items: T[]; nextCursor: string | null } {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, nextCursor: rows.length > limit && last !== undefined ? encodePlace(placeOf(last)) : null };
}

/** The place in a list that is ordered by one text. */
export const textPlace = z.tuple([z.string().max(200)]);

function parse(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}

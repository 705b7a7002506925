/** Where a page of a list that is newest first goes on: a moment, to the millisecond, and an id. */
import { z } from 'zod';

import { decodePlace } from '../shared/page-cursor.js';

export interface Place {
  readonly at: string;
  readonly id: string;
}

const place = z.tuple([z.iso.datetime(), z.string().max(200)]);

/** The place that a cursor names; undefined begins the list. Throws Problem INVALID_REQUEST. */
export function placeOf(cursor: string | undefined): Place | undefined {
  const decoded = decodePlace(cursor, place);
  return decoded === undefined ? undefined : { at: decoded[0], id: decoded[1] };
}

/** A moment as bodies have it. */
export const momentBody = (moment: Date | null): string | null => moment?.toISOString() ?? null;

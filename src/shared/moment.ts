/** Moments as callers write them. */
import { Problem } from './problem.js';

/** What Postgres can hold and everybody can read back: RFC 3339 has years of four digits. */
const EARLIEST = Date.UTC(1, 0, 1);
const LATEST = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** The moment, to the millisecond. Throws Problem INVALID_REQUEST for what has the form of one and is none. */
export function parseMoment(text: string, field: string): Date {
  const moment = new Date(text);
  // NaN too: a leap second, for one
  const isKept = moment.getTime() >= EARLIEST && moment.getTime() <= LATEST;
  if (isKept && isDay(text.slice(0, 10))) return moment;
  const message = 'is no moment that can be kept';
  throw new Problem('INVALID_REQUEST', `\`${field}\` ${message}`, { errors: [{ field, message }] });
}

/** `Date` takes 30 February for 2 March. */
function isDay(day: string): boolean {
  const midnight = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
}

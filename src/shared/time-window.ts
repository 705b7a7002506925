/** A time that an assignment holds in: what the contract says of it, and what its rows say. */
import { parseMoment } from './moment.js';
import { Problem } from './problem.js';

/** Null is unbounded. */
export interface TimeWindow {
  readonly validFrom: Date | null;
  readonly expiresAt: Date | null;
}

/** The window that a body states. Throws Problem INVALID_REQUEST where it is over, or over before it begins. */
export function windowOf({ validFrom, expiresAt }: { validFrom?: string; expiresAt?: string }, now: Date): TimeWindow {
  const window = {
    validFrom: validFrom === undefined ? null : parseMoment(validFrom, 'validFrom'),
    expiresAt: expiresAt === undefined ? null : parseMoment(expiresAt, 'expiresAt'),
  };
  const message = faultIn(window, now);
  if (message === undefined) return window;
  throw new Problem('INVALID_REQUEST', `\`expiresAt\` ${message}`, { errors: [{ field: 'expiresAt', message }] });
}

export function windowBody({ validFrom, expiresAt }: TimeWindow): {
  validFrom: string | null;
  expiresAt: string | null;
} {
  return { validFrom: validFrom?.toISOString() ?? null, expiresAt: expiresAt?.toISOString() ?? null };
}

function faultIn({ validFrom, expiresAt }: TimeWindow, now: Date): string | undefined {
  if (expiresAt === null) return undefined;
  if (validFrom !== null && expiresAt <= validFrom) return 'must be later than `validFrom`';
  return expiresAt <= now ? 'is in the past' : undefined;
}

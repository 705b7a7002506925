/** Moments, in the reader's own zone; UTC on hover, since that is what logs say. */
import { t } from './text.js';
import { hasBegun, type TimeWindow } from './time-window.js';

const short = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const withSeconds = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

/** A moment as a `<time>`. */
export function When({ at, seconds = false }: { at: string; seconds?: boolean }) {
  const date = new Date(at);
  return (
    <time
      dateTime={at}
      title={`${date
        .toISOString()
        .replace('T', ' ')
        .replace(/\.\d+Z$/, '')} UTC`}
    >
      {(seconds ? withSeconds : short).format(date)}
    </time>
  );
}

export const clockOf = (at: Date): string => clock.format(at);
export const momentOf = (at: string): string => short.format(new Date(at));

/** `from … until …`, of which a beginning that is past and an end that is none say nothing; empty where neither does. */
export function windowText(window: TimeWindow): string {
  const { validFrom, expiresAt } = window;
  const from = validFrom === null || hasBegun(window) ? [] : [t('window.from', { when: momentOf(validFrom) })];
  const until = expiresAt === null ? [] : [t('window.until', { when: momentOf(expiresAt) })];
  return [...from, ...until].join(' ');
}

/** `in 12 minutes`, with the time of day where that helps. */
export function inSeconds(seconds: number): string {
  const text =
    seconds < 90
      ? relative.format(Math.max(1, Math.round(seconds)), 'second')
      : relative.format(Math.ceil(seconds / 60), 'minute');
  return seconds < 90 ? text : `${text}, at ${clock.format(new Date(Date.now() + seconds * 1000))}`;
}

/** `42:10` */
export function minutesLeft(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  return `${String(Math.floor(seconds / 60))}:${String(seconds % 60).padStart(2, '0')}`;
}

/** What a `datetime-local` field holds, and back to RFC 3339. */
export function toLocalField(at: string | null): string {
  if (at === null) return '';
  const date = new Date(at);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

export const fromLocalField = (text: string): string => new Date(text).toISOString();

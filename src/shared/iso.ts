/** The moment as RFC 3339 text in UTC. Many things happen in one millisecond: the text of the last one is kept. */
export function isoOf(at: Date): string {
  const ms = at.getTime();
  if (ms !== last.ms) last = { ms, text: at.toISOString() };
  return last.text;
}

let last = { ms: Number.NaN, text: '' };

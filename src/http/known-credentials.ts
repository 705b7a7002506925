/**
 * Credentials that have been judged, by their hash: a signature costs more than an answer.
 *
 * INVARIANT: a credential counts no longer than it would by itself, nor longer than what it was judged by stands: the
 * keys of its issuer. Whoever learns one says how long what they cannot see change is good for. The credential itself is
 * not kept. tests/unit/known-credentials.test.ts.
 */
import { hash } from 'node:crypto';

import { createMemo } from '../shared/memo.js';

export interface KnownCredentials<T> {
  /** What this credential was judged to be; undefined: it is to be judged. */
  find(credential: string): T | undefined;
  /** Remembers what was judged. */
  learn(credential: string, judged: Judged<T>): void;
}

export interface Judged<T> {
  readonly value: T;
  /** From when until when it counts, milliseconds since 1970. */
  readonly from: number;
  readonly until: number;
  /** Whether what it was judged by is as it was; left out: it does not change. */
  readonly stands?: () => boolean;
}

/** They are kept twice over at most. */
const MAX = 16_384;

/** Makes a memory with nothing in it. */
export function createKnownCredentials<T>(now: () => Date): KnownCredentials<T> {
  const known = createMemo<Judged<T>>(MAX);
  return {
    find(credential) {
      const found = known.get(hashOf(credential));
      if (found === undefined) return undefined;
      const at = now().getTime();
      return at >= found.from && at < found.until && found.stands?.() !== false ? found.value : undefined;
    },
    learn(credential, judged) {
      known.set(hashOf(credential), judged);
    },
  };
}

function hashOf(credential: string): string {
  return hash('sha256', credential, 'base64url');
}

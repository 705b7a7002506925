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
  /** Begins to judge it anew, once, when it is asked for at `at` or later: whoever comes at its end need not wait then. */
  readonly renewal?: { readonly at: number; readonly begin: () => void };
}

/** They are kept twice over at most. */
const MAX = 16_384;

/** Makes a memory with nothing in it. */
export function createKnownCredentials<T>(now: () => Date): KnownCredentials<T> {
  const known = createMemo<Judged<T>>(MAX);
  const renewed = new WeakSet<Judged<T>>();
  return {
    find(credential) {
      const found = known.get(hashOf(credential));
      if (found === undefined) return undefined;
      const at = now().getTime();
      if (at < found.from || at >= found.until || found.stands?.() === false) return undefined;
      if (found.renewal !== undefined && at >= found.renewal.at && !renewed.has(found)) {
        renewed.add(found);
        found.renewal.begin();
      }
      return found.value;
    },
    learn(credential, judged) {
      known.set(hashOf(credential), judged);
    },
  };
}

function hashOf(credential: string): string {
  return hash('sha256', credential, 'base64url');
}

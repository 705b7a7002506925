/**
 * Callers whose credential has been judged lately, by its hash: a signature costs more than an answer.
 *
 * INVARIANT: a credential counts no longer than it would by itself, and not much longer than what it hangs on is known
 * to stand: a token a minute (the keys of its issuer may be withdrawn), a service key less than half a second (it may be
 * revoked). The credential itself is not kept. tests/unit/known-callers.test.ts.
 */
import { hash } from 'node:crypto';

import type { Caller } from '../shared/caller.js';
import { createMemo } from '../shared/memo.js';

export interface KnownCallers {
  /** Who shows this credential; undefined: it is to be judged. */
  find(credential: string): Caller | undefined;
  /** Remembers what was judged at `at`: until `until` at most, milliseconds since 1970. */
  learn(credential: string, caller: Caller, judged: { readonly at: number; readonly until: number }): void;
}

interface Known {
  readonly caller: Caller;
  readonly from: number;
  readonly until: number;
}

export interface KnownCallersOptions {
  readonly now: () => Date;
  /** Asked of every caller who is found: whether what stands behind them, such as a session, has ended meanwhile. */
  readonly isRevoked?: (caller: Caller) => boolean;
}

/** They are kept twice over at most. */
const MAX = 16_384;
/** By the kind of caller. */
const LASTS_MS = { user: 60_000, service: 400 } as const;

export function createKnownCallers({ now, isRevoked = () => false }: KnownCallersOptions): KnownCallers {
  const known = createMemo<Known>(MAX);
  return {
    find(credential) {
      const found = known.get(hashOf(credential));
      if (found === undefined) return undefined;
      const at = now().getTime();
      return at >= found.from && at < found.until && !isRevoked(found.caller) ? found.caller : undefined;
    },
    learn(credential, caller, { at, until }) {
      known.set(hashOf(credential), { caller, from: at, until: Math.min(until, at + LASTS_MS[caller.kind]) });
    },
  };
}

function hashOf(credential: string): string {
  return hash('sha256', credential, 'base64url');
}

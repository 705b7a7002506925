import type { Deadline } from './operation.js';

/** An allow that the engine gave, and what it was about. */
export interface Allow {
  readonly tenantId: string;
  readonly subjectUserId: string;
  /** As outsiders name it: `tenant:<id>`, `profile:<userId>` or `record:<id>`. */
  readonly object: string;
}

/**
 * What a tenant's answers stand on. As long as `footing` gives this very object, nothing has been applied there or on
 * the platform, nothing is about to be, and no window in time has opened or closed: an answer of then is one of now.
 */
export interface Footing {
  /** Milliseconds since 1970: holds from then on. */
  readonly from: number;
  /** And no longer than this, the next edge of a window. */
  readonly until: number;
}

/** What keeps a decision from being older than it may be. Carried out by src/sync/gate.ts. */
export interface SyncGate {
  /**
   * Resolves when everything that the token covers is in force, and known to be by `footing` and `position`.
   * Throws Problem SYNC_TOKEN_INVALID, or SYNC_LAG when that takes longer than the bounded wait or the deadline.
   */
  awaitToken(token: string, deadline: Deadline): Promise<void>;
  /** Throws Problem SYNC_LAG when a change that is not in force yet, and is not about to be, could take the allow away. */
  guard(allow: Allow): Promise<void>;
  /** Whether `guard` would let every allow of the tenant pass without looking at it. */
  isQuiet(tenantId: string): boolean;
  /** How long the oldest small change of the tenant or the platform has waited, where that is over a second; else 0. */
  lagMs(tenantId: string): number;
  /** Whether nothing of the tenant or the platform waits to be in force: rows and tuples say the same. */
  isSettled(tenantId: string): Promise<boolean>;
  /** How often the tenant has had changes applied, as last heard; undefined before the first word. */
  position(tenantId: string): number | undefined;
  /** What an answer about the moment `at` (milliseconds since 1970) stands on; undefined: it can be neither kept nor taken. */
  footing(tenantId: string, at: number): Footing | undefined;
}

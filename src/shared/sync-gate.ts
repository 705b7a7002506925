import type { Deadline } from './operation.js';

/** An allow that the engine gave, and what it was about. */
export interface Allow {
  readonly tenantId: string;
  readonly subjectUserId: string;
  /** As outsiders name it: `tenant:<id>`, `profile:<userId>` or `record:<id>`. */
  readonly object: string;
}

/** What keeps a decision from being older than it may be. Carried out by src/sync/gate.ts. */
export interface SyncGate {
  /**
   * Resolves when everything that the token covers is in force.
   * Throws Problem SYNC_TOKEN_INVALID, or SYNC_LAG when that takes longer than the bounded wait or the deadline.
   */
  awaitToken(token: string, deadline: Deadline): Promise<void>;
  /** Throws Problem SYNC_LAG when a change that is not in force yet, and is not about to be, could take the allow away. */
  guard(allow: Allow): Promise<void>;
  /** How often the tenant has had changes applied, as last heard; undefined before the first word. */
  position(tenantId: string): number | undefined;
}

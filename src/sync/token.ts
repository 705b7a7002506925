/**
 * Sync tokens: where in the history of changes an answer must not lie before. Opaque to callers; made by
 * `sync.token()` in the database, so that any writer can have one.
 */
import { z } from 'zod';

import { ID_PATTERN } from '../shared/ids.js';
import { Problem } from '../shared/problem.js';

export interface SyncPosition {
  /** Undefined: all tenants. */
  readonly tenantId: string | undefined;
  /** Transactions up to this id, decimal. */
  readonly xid: string;
  readonly epoch: string;
}

const CONTENT = z.strictObject({
  t: z.string().regex(ID_PATTERN).nullable(),
  x: z.string().regex(/^[0-9]{1,19}$/),
  e: z.string().max(100),
});

/** The position that a token names. Throws Problem SYNC_TOKEN_INVALID. */
export function decodeSyncToken(token: string): SyncPosition {
  const content = CONTENT.safeParse(parse(token));
  if (!content.success) throw invalid();
  const { t, x, e } = content.data;
  return { tenantId: t ?? undefined, xid: x, epoch: e };
}

function parse(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}

function invalid(): Problem {
  return new Problem('SYNC_TOKEN_INVALID', 'the sync token is none of this service', {
    errors: [{ field: 'syncToken', message: 'is none of this service' }],
  });
}

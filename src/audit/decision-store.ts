/**
 * SQL for `audit.decision`: one row an answer, many rows a statement.
 *
 * Rows are only ever added; the table is partitioned by day, and whoever writes sees to it that the days to come exist.
 */
import type { Tx } from '../platform/postgres.js';

/** One answer given, or the reason why none was. */
export interface DecisionEntry {
  readonly decisionId: string;
  readonly decidedAt: Date;
  readonly api: 'check' | 'batch-check' | 'list-objects' | 'list-users' | 'list-permissions' | 'explain' | 'authorize';
  readonly tenantId: string;
  /** Who asked. */
  readonly callerKind: 'user' | 'service';
  readonly callerId: string;
  /** Whose rights were asked about; `*` is everybody's. */
  readonly subjectUserId: string;
  /** `*` is every permission of the object. */
  readonly permission: string;
  /** As outsiders name it; for a list the type alone. */
  readonly object: string;
  readonly answer: 'allowed' | 'denied' | 'listed' | 'undecided';
  /** How many things the page held. */
  readonly listed?: number;
  /** Where the answer came from. */
  readonly source: 'engine' | 'cache';
  /** The problem code, where nothing was decided. */
  readonly problem?: string;
  readonly modelId: string;
  /** The tenant's applied version known when the engine was asked. */
  readonly syncPosition: number | undefined;
  readonly latencyUs: number;
  readonly requestId: string;
}

/** Columns in the order of `rowOf`, with their types. */
const COLUMNS = {
  decision_id: 'uuid',
  decided_at: 'timestamptz',
  api: 'text',
  tenant_id: 'text',
  caller_kind: 'text',
  caller_id: 'text',
  subject_user_id: 'text',
  permission: 'text',
  object: 'text',
  answer: 'text',
  listed: 'int',
  source: 'text',
  problem: 'text',
  model_id: 'text',
  sync_position: 'bigint',
  latency_us: 'int',
  request_id: 'text',
} as const;

const names = Object.keys(COLUMNS).join(', ');
const arrays = Object.values(COLUMNS)
  .map((type, index) => `$${index + 1}::${type}[]`)
  .join(', ');

/** Adds the entries; one that stands already (a commit whose answer was lost) is left as it is. */
export async function insertDecisions(tx: Tx, entries: readonly DecisionEntry[]): Promise<void> {
  const rows = entries.map(rowOf);
  await tx.query({
    name: 'insert-decisions',
    text: `
      insert into audit.decision (${names})
      select ${names} from unnest(${arrays}) as entry (${names})
      on conflict (decided_at, decision_id) do nothing`,
    values: Object.keys(COLUMNS).map((_, column) => arrayOf(rows, column)),
  });
}

/** Makes the partitions of today and the days to come. */
export async function ensureDecisionPartitions(tx: Tx): Promise<void> {
  await tx.query({ text: `select audit.ensure_decision_partitions()` });
}

/**
 * A column as the text of a Postgres array. The driver would make it of a list as well, at four times the cost: it is
 * most of what an answer from memory costs.
 */
function arrayOf(rows: readonly (readonly (string | number | undefined)[])[], column: number): string {
  let text = '{';
  for (const row of rows) {
    const value = row[column];
    if (text.length > 1) text += ',';
    if (value === undefined) text += 'NULL';
    else if (typeof value === 'number') text += String(value);
    else text += NEEDS_ESCAPE.test(value) ? `"${value.replaceAll(/["\\]/g, '\\$&')}"` : `"${value}"`;
  }
  return `${text}}`;
}

const NEEDS_ESCAPE = /["\\]/;

function rowOf(entry: DecisionEntry): (string | number | undefined)[] {
  return [
    entry.decisionId,
    entry.decidedAt.toISOString(),
    entry.api,
    entry.tenantId,
    entry.callerKind,
    storable(entry.callerId),
    entry.subjectUserId,
    entry.permission,
    entry.object,
    entry.answer,
    entry.listed,
    entry.source,
    entry.problem,
    entry.modelId,
    entry.syncPosition,
    entry.latencyUs,
    storable(entry.requestId),
  ];
}

/** Postgres holds no NUL, and what a caller calls itself must not keep a whole batch from being written. */
function storable(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '') : text;
}

/**
 * SQL for `audit.decision`: one row an answer, many rows a statement.
 *
 * Rows are only ever added; the table is partitioned by day, and whoever writes sees to it that the days to come exist.
 */
import type { Tx } from '../platform/postgres.js';
import { isoOf } from '../shared/iso.js';

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
  readonly listed?: number | undefined;
  /** Where the answer came from. */
  readonly source: 'engine' | 'cache' | 'sql';
  /** The problem code, where nothing was decided. */
  readonly problem?: string | undefined;
  readonly modelId: string;
  /** The tenant's applied version known when the engine was asked. */
  readonly syncPosition: number | undefined;
  readonly latencyUs: number;
  readonly requestId: string;
  /** Why, where that was asked for with the question. */
  readonly explanation?: object | undefined;
}

/** Columns with their types. */
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
  explanation: 'jsonb',
} as const;

const names = Object.keys(COLUMNS).join(', ');
const arrays = Object.values(COLUMNS)
  .map((type, index) => `$${index + 1}::${type}[]`)
  .join(', ');

/** Adds the entries; one that stands already (a commit whose answer was lost) is left as it is. */
export async function insertDecisions(tx: Tx, entries: readonly DecisionEntry[]): Promise<void> {
  await tx.query({
    name: 'insert-decisions',
    text: `
      insert into audit.decision (${names})
      select ${names} from unnest(${arrays}) as entry (${names})
      on conflict (decided_at, decision_id) do nothing`,
    values: COLUMN_TEXTS.map((column) => column(entries)),
  });
}

/** Makes the partitions of today and the days to come. */
export async function ensureDecisionPartitions(tx: Tx): Promise<void> {
  await tx.query({ text: `select audit.ensure_decision_partitions()` });
}

/**
 * The columns as texts of Postgres arrays, in the order of `COLUMNS`. The driver would make them of lists as well, at
 * four times the cost: it is most of what an answer from memory costs. Columns whose values are ours or ids hold
 * nothing that would have to be escaped (src/shared/ids.ts).
 */
const COLUMN_TEXTS: readonly ((entries: readonly DecisionEntry[]) => string)[] = [
  plain(({ decisionId }) => decisionId),
  plain(({ decidedAt }) => isoOf(decidedAt)),
  plain(({ api }) => api),
  quoted(({ tenantId }) => tenantId),
  plain(({ callerKind }) => callerKind),
  quoted(({ callerId }) => callerId),
  quoted(({ subjectUserId }) => subjectUserId),
  plain(({ permission }) => permission),
  quoted(({ object }) => object),
  plain(({ answer }) => answer),
  plain(({ listed }) => listed),
  plain(({ source }) => source),
  plain(({ problem }) => problem),
  plain(({ modelId }) => modelId),
  plain(({ syncPosition }) => syncPosition),
  plain(({ latencyUs }) => latencyUs),
  quoted(({ requestId }) => requestId),
  quoted(({ explanation }) => (explanation === undefined ? undefined : JSON.stringify(explanation))),
];

/** Values out of a grammar of our own, which has neither quotes nor backslashes. */
function plain(
  valueOf: (entry: DecisionEntry) => string | number | undefined,
): (entries: readonly DecisionEntry[]) => string {
  return (entries) => {
    let text = '';
    for (const entry of entries) {
      const value = valueOf(entry);
      text += value === undefined ? ',NULL' : `,"${value}"`;
    }
    return `{${text.slice(1)}}`;
  };
}

/** Values that others have chosen. */
function quoted(valueOf: (entry: DecisionEntry) => string | undefined): (entries: readonly DecisionEntry[]) => string {
  return (entries) => {
    let text = '';
    for (const entry of entries) {
      const value = valueOf(entry);
      if (value === undefined) text += ',NULL';
      else text += AWKWARD.test(value) ? `,"${storable(value).replaceAll(/["\\]/g, '\\$&')}"` : `,"${value}"`;
    }
    return `{${text.slice(1)}}`;
  };
}

const AWKWARD = /["\\\0]/;

/** Postgres holds no NUL, and what a caller calls itself must not keep a whole batch from being written. */
function storable(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '') : text;
}

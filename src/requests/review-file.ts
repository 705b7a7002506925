/** The evidence of an access review as a file, read and sent a page at a time: its size is no matter. */
import { csvLine } from '../audit/csv.js';
import type { ReviewItem } from '../contract/api.js';

const PAGE = 1_000;
const COLUMNS = [
  'id',
  'userId',
  'roleId',
  'roleName',
  'assignmentId',
  'validFrom',
  'expiresAt',
  'assignedAt',
  'decision',
  'wasStanding',
  'decidedAt',
  'decidedByUserId',
  'comment',
] as const;

/** Its lines, as CSV with a head or as one JSON object each. */
export async function* reviewFile(
  readPage: (after: string, limit: number) => Promise<ReviewItem[]>,
  format: 'csv' | 'ndjson',
): AsyncGenerator<string> {
  if (format === 'csv') yield csvLine(COLUMNS);
  let after = '0';
  for (;;) {
    const items = await readPage(after, PAGE);
    yield items.map((item) => (format === 'csv' ? csvLine(fieldsOf(item)) : `${JSON.stringify(item)}\n`)).join('');
    const last = items.at(-1);
    if (last === undefined || items.length < PAGE) return;
    after = last.id;
  }
}

function fieldsOf(item: ReviewItem): (string | null)[] {
  return COLUMNS.map((column) => {
    const value = item[column];
    return value === null ? null : String(value);
  });
}

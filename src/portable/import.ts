/**
 * `bailiwick import`: makes one database hold what a document says (document.ts), all of it or nothing.
 *
 * What is missing is added, what differs is changed, and with `prune` what stands besides is ended: assignments and
 * managers; roles and people stay. It goes through the tables that everybody writes, so entries, limits and projection
 * are those of any other writer. A dry run does the same and takes it back.
 */
import type { Pool, Tx } from '../platform/postgres.js';
import { ConstraintError } from '../platform/postgres.js';
import { Problem } from '../shared/problem.js';
import { DocumentFault, readLines } from './document.js';
import type { LineOf, Numbered } from './document.js';
import { holdToRules, listForeign, listSystemRoles, mergeLines, prune, setStatuses } from './import-store.js';
import type { Change } from './import-store.js';

/** Lines to a statement. */
const CHUNK = 500;

export interface ImportOptions {
  readonly dryRun: boolean;
  readonly prune: boolean;
}

/** A tenant's part of a document, as far as it was read. */
interface Part {
  readonly tenant: LineOf<'tenant'>;
  readonly systemRoles: ReadonlyMap<string, readonly string[]>;
  /** Kind and key of every line: none may be there twice. */
  readonly seen: Set<string>;
  readonly assignments: [string, string][];
  readonly managers: [string, string][];
}

class TakenBack extends Error {}

/**
 * Resolves to what was changed, or would be. Rejects with a DocumentFault that names the line, or with what Postgres
 * refuses at the end; nothing is changed then.
 */
export async function importAccess(
  pool: Pool,
  chunks: AsyncIterable<string>,
  options: ImportOptions,
): Promise<Change[]> {
  const changes: Change[] = [];
  try {
    await pool.transaction(async (tx) => {
      const merge = createMerge(tx, changes);
      for await (const numbered of readLines(chunks)) await merge.take(numbered);
      await merge.end(options.prune);
      await holdToRules(tx);
      if (options.dryRun) throw new TakenBack();
    });
  } catch (error) {
    if (error instanceof ConstraintError)
      throw new Error(`the rows as a whole break \`${error.constraint}\``, { cause: error });
    if (!(error instanceof TakenBack)) throw error;
  }
  return changes;
}

function createMerge(tx: Tx, changes: Change[]) {
  const parts: Part[] = [];
  let waiting: Numbered[] = [];

  /** Brings in what waits; where that fails, line by line, to say which it was. */
  async function flush(): Promise<void> {
    const [first, part] = [waiting[0], parts.at(-1)];
    if (first === undefined || part === undefined) return;
    const lines = waiting;
    waiting = [];
    await tx.query({ text: 'savepoint lines' });
    try {
      changes.push(...(await mergeChunk(tx, part, lines)));
    } catch (error) {
      if (lines.length === 1 || error instanceof DocumentFault) throw faultAt(first.number, error);
      await tx.query({ text: 'rollback to savepoint lines' });
      for (const each of lines) {
        await mergeChunk(tx, part, [each]).catch((fault: unknown) => {
          throw faultAt(each.number, fault);
        });
      }
      throw error;
    }
    await tx.query({ text: 'release savepoint lines' });
  }

  return {
    async take(numbered: Numbered): Promise<void> {
      const { number, line } = numbered;
      if (line.kind === 'form') return;
      if (line.kind !== waiting[0]?.line.kind || waiting.length === CHUNK) await flush();
      if (line.kind === 'tenant') {
        if (parts.some(({ tenant }) => tenant.id === line.id))
          throw new DocumentFault(number, 'the tenant is there twice');
        changes.push(...(await mergeTenant(tx, numbered, line)));
        const systemRoles = await listSystemRoles(tx, line.id);
        parts.push({ tenant: line, systemRoles, seen: new Set(), assignments: [], managers: [] });
        return;
      }
      const part = parts.at(-1);
      if (part === undefined) throw new DocumentFault(number, 'comes before any tenant');
      note(part, numbered);
      if (line.kind === 'role' && line.isSystem) requireSameRole(part, number, line);
      else waiting.push(numbered);
    },
    async end(isPruned: boolean): Promise<void> {
      await flush();
      if (isPruned) for (const part of parts) changes.push(...(await prune(tx, part.tenant.id, part)));
      changes.push(
        ...(await setStatuses(
          tx,
          parts.map(({ tenant }) => tenant),
        )),
      );
    },
  };
}

async function mergeTenant(tx: Tx, { number }: Numbered, tenant: LineOf<'tenant'>): Promise<Change[]> {
  const { rows } = await tx.query<{ preset: string }>({
    text: `select preset from identity.tenant where id = $1`,
    values: [tenant.id],
  });
  const [there] = rows;
  if (there !== undefined && there.preset !== tenant.preset) {
    throw new DocumentFault(
      number,
      `the tenant was made from the preset \`${there.preset}\` here, which does not change`,
    );
  }
  return await mergeLines(tx, { kind: 'tenant', tenantId: tenant.id, lines: [tenant] }).catch((error: unknown) => {
    throw faultAt(number, error);
  });
}

async function mergeChunk(tx: Tx, part: Part, lines: readonly Numbered[]): Promise<Change[]> {
  const [first] = lines;
  if (first === undefined) return [];
  const { kind } = first.line;
  if (kind === 'form') return [];
  const ids = lines.flatMap(({ line }) => ('id' in line ? [line.id] : []));
  const foreign = new Set(await listForeign(tx, part.tenant.id, ids));
  for (const { number, line } of lines) {
    if ('id' in line && foreign.has(line.id))
      throw new DocumentFault(number, `\`${line.id}\` belongs to another tenant here`);
    if (line.kind === 'role' && part.systemRoles.has(line.id)) {
      throw new DocumentFault(number, `\`${line.id}\` is a role of the preset here`);
    }
  }
  return await mergeLines(tx, { kind, tenantId: part.tenant.id, lines: lines.map(({ line }) => line) });
}

/** A role of the preset comes with the version: a document that has it otherwise was made by another one. */
function requireSameRole({ systemRoles }: Part, number: number, role: LineOf<'role'>): void {
  const here = systemRoles.get(role.id);
  const isSame = here?.length === role.permissions.length && role.permissions.every((each) => here.includes(each));
  if (isSame) return;
  const what =
    here === undefined ? 'there is no such role of the preset here' : 'the preset’s role holds other permissions here';
  throw new DocumentFault(number, `\`${role.id}\`: ${what}; bring both databases to the same version first`);
}

function note(part: Part, { number, line }: Numbered): void {
  const key = keyOf(line);
  if (part.seen.has(key)) throw new DocumentFault(number, 'is there twice');
  part.seen.add(key);
  if (line.kind === 'assignment') part.assignments.push([line.userId, line.roleId ?? line.roleName ?? '']);
  if (line.kind === 'manager') part.managers.push([line.userId, line.managedUserId]);
}

function keyOf(line: Numbered['line']): string {
  if (line.kind === 'assignment') return `assignment ${line.userId} ${line.roleId ?? `*${line.roleName ?? ''}`}`;
  if (line.kind === 'manager') return `manager ${line.userId} ${line.managedUserId}`;
  return 'id' in line ? `${line.kind} ${line.id}` : line.kind;
}

function faultAt(number: number, error: unknown): unknown {
  if (error instanceof ConstraintError) return new DocumentFault(number, `breaks \`${error.constraint}\``);
  if (error instanceof Problem && error.code !== 'DATABASE_UNAVAILABLE')
    return new DocumentFault(number, error.message);
  return error;
}

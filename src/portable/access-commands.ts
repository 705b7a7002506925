/**
 * `bailiwick export` and `import` at the command line: files in and out, what was changed, and exit codes.
 *
 * INVARIANT: a file with people's data in it is its owner's alone from its first byte on.
 */
import { randomUUID } from 'node:crypto';
import { lstat, open, rename, rm } from 'node:fs/promises';

import type { Pool } from '../platform/postgres.js';
import { exportAccess } from './export.js';
import { importAccess } from './import.js';
import type { Change } from './import-store.js';

export interface AccessContext {
  /** As `bailiwick_operator`. */
  readonly pool: Pool;
  readonly print: (line: string) => void;
  /** What is no part of the answer. */
  readonly complain: (line: string) => void;
}

export interface AccessOptions {
  readonly json: boolean;
  readonly tenant?: string | undefined;
  readonly file?: string | undefined;
  readonly force: boolean;
  readonly 'dry-run': boolean;
  readonly prune: boolean;
}

/** How many changes are printed one by one. */
const SHOWN = 200;
/** Characters that are written at one time. */
const AT_A_TIME = 256 * 1024;

/** `export`: to `--file`, which only its owner may read and which is not there yet, or to where `print` prints. */
export async function runExport(context: AccessContext, options: AccessOptions): Promise<number> {
  const { pool, print, complain } = context;
  const { file, tenant, force } = options;
  if (file === undefined) {
    const printed = (line: string): Promise<void> => {
      print(line);
      return Promise.resolve();
    };
    await exportAccess({ pool, write: printed }, tenant);
    return 0;
  }
  if (!force) {
    complain(`${String(await exportInto(file, pool, tenant))} lines in ${file}`);
    return 0;
  }
  // What is there may be open to others, or be theirs: it is not written into, but another takes its place when it is whole.
  const fresh = `${file}.${randomUUID()}`;
  const isFile = await lstat(file).then(
    (there) => there.isFile(),
    () => true,
  );
  if (!isFile) throw new Error(`\`${file}\` is no file to be replaced`);
  try {
    const lines = await exportInto(fresh, pool, tenant);
    await rename(fresh, file);
    complain(`${String(lines)} lines in ${file}`);
    return 0;
  } finally {
    await rm(fresh, { force: true });
  }
}

/** Makes the file; how many lines it has. */
async function exportInto(file: string, pool: Pool, tenant: string | undefined): Promise<number> {
  const handle = await open(file, 'wx', 0o600).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') {
      throw new Error(`\`${file}\` is there already: \`--force\` writes over it`);
    }
    throw error;
  });
  try {
    let waiting = '';
    const write = async (line: string): Promise<void> => {
      waiting += `${line}\n`;
      if (waiting.length < AT_A_TIME) return;
      await handle.appendFile(waiting);
      waiting = '';
    };
    const lines = await exportAccess({ pool, write }, tenant);
    await handle.appendFile(waiting);
    await handle.sync();
    return lines;
  } finally {
    await handle.close();
  }
}

/** `import --file`: 0 it is as the document says; 3: the dry run found differences. */
export async function runImport(context: AccessContext, options: AccessOptions): Promise<number> {
  const { file, json, prune, 'dry-run': dryRun } = options;
  if (file === undefined) throw new Error('`--file` is missing');
  // Opened first: a stream that cannot be opened fails while nobody listens to it yet.
  const handle = await open(file);
  const changes = await importAccess(context.pool, handle.createReadStream({ encoding: 'utf8' }), { dryRun, prune });
  if (json) context.print(JSON.stringify({ applied: !dryRun, differences: changes.length, changes }));
  else tell(context.print, changes, dryRun);
  return dryRun && changes.length > 0 ? 3 : 0;
}

function tell(print: AccessContext['print'], changes: readonly Change[], dryRun: boolean): void {
  for (const { sign, kind, name } of changes.slice(0, SHOWN)) print(`${sign} ${kind} ${name}`);
  if (changes.length > SHOWN) print(`… and ${String(changes.length - SHOWN)} more; \`--json\` has them all`);
  const count = (wanted: Change['sign']): string => String(changes.filter(({ sign }) => sign === wanted).length);
  if (changes.length === 0) print('it is as the document says: nothing to do');
  else
    print(
      `${dryRun ? 'would be' : 'is'} +${count('+')} ~${count('~')} -${count('-')}${dryRun ? '' : '; the service puts it in force'}`,
    );
}

/**
 * The `bailiwick audit` commands. They exit with 0 when all is well, 3 when the log or a proof is not what it was, and 1
 * (by throwing) when they could not tell.
 */
import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { checkpointsIn } from './checkpoint-file.js';
import { parsePrivateKey, parsePublicKey, publicBytes } from './checkpoint.js';
import type { Checkpoints } from './checkpoint.js';
import { KnownRoots } from './known-roots.js';
import { batchLines, logLine, prunedLine, tailLine } from './ledger-file.js';
import { LANES } from './ledger.js';
import type { Lane } from './ledger.js';
import { readBatches } from './ledger-reader.js';
import type { InTransaction } from './ledger-reader.js';
import { listLaneStates, listPruned, selectHoldUp } from './ledger-state-store.js';
import type { LogName } from './open-log.js';
import { findFlaw, proveEntry } from './prove.js';
import { pruneLane } from './prune.js';
import { listOrigins } from './seal-store.js';
import { seqsOf, startOf, storedCheckpoints, toNextCheckpoint, verifyDatabase, verifyExport } from './verify-ledger.js';
import type { Bound, LaneReport } from './verify-ledger.js';

/** The command line's options, of which each command reads some. */
export interface AuditOptions {
  readonly lane?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly file?: string | undefined;
  readonly checkpoints?: string | undefined;
  readonly 'public-key'?: string | undefined;
  readonly 'allow-pruned': boolean;
  readonly entry?: string | undefined;
  readonly before?: string | undefined;
  readonly drop: boolean;
  readonly json: boolean;
}

export interface AuditContext {
  readonly config: {
    readonly key: string | undefined;
    readonly publicKey: string | undefined;
    readonly checkpointFile: string | undefined;
  };
  readonly options: AuditOptions;
  readonly print: (line: string) => void;
  /** Hands on a database that is read as an operator; connects when it is called. */
  readonly inDatabase: <T>(work: (run: InTransaction) => Promise<T>) => Promise<T>;
}

type Command = (context: AuditContext) => Promise<number>;

/** By what stands on the command line. */
export const AUDIT_COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['audit verify', verify],
  ['audit export', exportLog],
  ['audit prove', prove],
  ['audit verify-proof', verifyProof],
  ['audit status', status],
  ['audit prune', prune],
  ['audit public-key', printPublicKey],
]);

async function verify({ config, options, print, inDatabase }: AuditContext): Promise<number> {
  const wanted = {
    from: boundOf(options.from, '--from'),
    to: boundOf(options.to, '--to'),
    checkpoints: checkpointsOf(config, options),
    key: await keyOf(config, options),
  };
  const { file } = options;
  const reports =
    file === undefined
      ? await inDatabase(async (run) => {
          const found: LaneReport[] = [];
          for (const name of await lanesOf(run, options)) found.push(await verifyDatabase(run, name, wanted));
          return found;
        })
      : [await verifyExport(file, { ...wanted, allowPruned: options['allow-pruned'] })];
  for (const report of reports) {
    if (options.json) print(JSON.stringify(report));
    else describe(report).forEach(print);
  }
  return reports.some(({ fault }) => fault !== undefined) ? 3 : 0;
}

function describe(report: LaneReport): string[] {
  const { lane, fault, verified, pruned, size, covered, uncovered, unsealed, signatures, checkpointsFrom } = report;
  const left = pruned === 0 ? '' : `, ${pruned} more have left and are known by their hash`;
  const trust =
    checkpointsFrom === 'nowhere'
      ? 'no checkpoint: who owns the database can have rewritten it all'
      : `checkpoints from ${checkpointsFrom}, signatures ${signatures}`;
  return [
    fault === undefined
      ? `${lane}: ${verified} entries verified, to entry ${size}${left}`
      : `${lane}: NOT WHAT IT WAS, from entry ${fault.seq}: ${fault.what}`,
    `${lane}: covered to entry ${covered} (${trust})`,
    `${lane}: uncovered tail: ${uncovered} sealed entries, ${unsealed} rows not sealed yet`,
  ];
}

async function exportLog({ options, print, inDatabase }: AuditContext): Promise<number> {
  return await inDatabase(async (run) => {
    const [name] = await lanesOf(run, { lane: options.lane ?? 'admin' });
    if (name === undefined) throw new Error('there is no such log');
    const bounds = { from: boundOf(options.from, '--from'), to: boundOf(options.to, '--to') };
    const range = await seqsOf(run, name.lane, bounds);
    if (range === undefined) throw new Error('there is no entry of that time');
    const start = await startOf(run, name, range.from);
    print(logLine(name, start));
    (await run((tx) => listPruned(tx, name.lane))).forEach((gone) => print(prunedLine(gone)));
    const withEntries = ({ firstSeq }: { firstSeq: number }): boolean => firstSeq <= range.to;
    const batches = readBatches(run, { lane: name.lane, after: start, withEntries });
    const checkpoints = KnownRoots.of(await storedCheckpoints(run, name.lane));
    for await (const batch of toNextCheckpoint(batches, range.to, checkpoints)) batchLines(batch).forEach(print);
    const state = (await run(listLaneStates)).find(({ lane }) => lane === name.lane);
    print(tailLine(state?.unsealed ?? 0));
    return 0;
  });
}

async function prove({ config, options, print, inDatabase }: AuditContext): Promise<number> {
  const { entry } = options;
  if (entry === undefined) throw new Error('`--entry` is missing');
  const checkpoints = checkpointsOf(config, options);
  return await inDatabase(async (run) => {
    const [name] = await lanesOf(run, { lane: options.lane ?? 'admin' });
    if (name === undefined) throw new Error('there is no such log');
    print(JSON.stringify(await proveEntry(run, name, { entryId: entry, checkpoints })));
    return 0;
  });
}

async function verifyProof({ config, options, print }: AuditContext): Promise<number> {
  if (options.file === undefined) throw new Error('`--file` is missing');
  const key = await keyOf(config, options);
  const document: unknown = JSON.parse(await readFile(options.file, 'utf8'));
  const flaw = findFlaw(document, key);
  const signature = key === undefined ? '; its signature was not checked: there is no `--public-key`' : '';
  print(flaw === undefined ? `the entry is in the log that the checkpoint covers${signature}` : `NOT PROVED: ${flaw}`);
  return flaw === undefined ? 0 : 3;
}

async function status({ options, print, inDatabase }: AuditContext): Promise<number> {
  return await inDatabase(async (run) => {
    const states = await run(listLaneStates);
    const heldUpBy = await run(selectHoldUp);
    if (options.json) print(JSON.stringify({ lanes: states, heldUpBy: heldUpBy ?? null }));
    else {
      for (const { lane, origin, sealed, covered, unsealed, lagSeconds } of states) {
        print(
          `${lane}: ${sealed} sealed, ${covered} covered, ${unsealed} waiting for ${lagSeconds.toFixed(1)} s (${origin})`,
        );
      }
      if (heldUpBy !== undefined) print(`oldest writer: process ${heldUpBy.pid ?? 'none'} (${heldUpBy.name})`);
    }
    return 0;
  });
}

async function prune({ config, options, print, inDatabase }: AuditContext): Promise<number> {
  const before = boundOf(options.before, '--before');
  if (!(before instanceof Date)) throw new Error('`--before` is missing, or not a time');
  const evidence = { checkpoints: checkpointsOf(config, options), key: await keyOf(config, options) };
  return await inDatabase(async (run) => {
    let isKept = false;
    for (const name of await lanesOf(run, options)) {
      for (const report of await pruneLane(run, name, { before, drop: options.drop, ...evidence })) {
        const { partition, rows, outcome, why } = report;
        isKept ||= outcome === 'kept';
        print(
          options.json
            ? JSON.stringify(report)
            : `${partition}: ${outcome}${why === undefined ? `, ${rows} rows` : `: ${why}`}`,
        );
      }
    }
    return isKept ? 3 : 0;
  });
}

function printPublicKey({ config, print }: AuditContext): Promise<number> {
  if (config.key === undefined) throw new Error('`BAILIWICK_AUDIT_KEY` is not set');
  print(publicBytes(parsePrivateKey(config.key)).toString('base64'));
  return Promise.resolve(0);
}

async function lanesOf(run: InTransaction, { lane }: { lane?: string | undefined }): Promise<LogName[]> {
  if (lane !== undefined && !isLane(lane)) throw new Error('`--lane` is neither `admin` nor `decision`');
  const names = await run(listOrigins);
  const missing = LANES.find((each) => !names.some((name) => name.lane === each));
  // Every database has both, from its first migration on: one that is gone is not one that is well.
  if (missing !== undefined) throw new Error(`the database has no log of lane ${missing}`);
  return names.filter((each) => lane === undefined || each.lane === lane);
}

const isLane = (text: string): text is Lane => LANES.some((lane) => lane === text);

function boundOf(text: string | undefined, option: string): Bound {
  if (text === undefined) return undefined;
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) throw new Error(`\`${option}\` is neither an entry's number nor a time`);
  return date;
}

/** Those of a file; undefined leaves the database's own. */
function checkpointsOf(
  { checkpointFile }: AuditContext['config'],
  { checkpoints = checkpointFile }: AuditOptions,
): Checkpoints | undefined {
  return checkpoints === undefined ? undefined : checkpointsIn(checkpoints);
}

/** Given as text or as a file of it; else the public half of our own key. */
async function keyOf(
  { key, publicKey }: AuditContext['config'],
  options: AuditOptions,
): Promise<KeyObject | undefined> {
  const given = options['public-key'] ?? publicKey;
  if (given === undefined) return key === undefined ? undefined : createPublicKey(parsePrivateKey(key));
  const text = await readFile(given, 'utf8').catch(() => given);
  return parsePublicKey(text);
}

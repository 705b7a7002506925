/**
 * `bailiwick outbox …` and `bailiwick model status`: what waits to be in force and why, trying parked entries again,
 * and which model the store has. They exit with 0 when all is well and 3 when something is parked or not written.
 */
import { modelHash } from '../contract/model.js';
import type { Pool } from '../platform/postgres.js';
import { listModels } from './model-store.js';
import { countWaiting, listWaiting, retryParkedOf } from './outbox-admin-store.js';

export interface SyncCommandContext {
  /** As `bailiwick_operator`. */
  readonly pool: Pool;
  readonly print: (line: string) => void;
  readonly json: boolean;
}

/** More than a person reads; the counts tell of the rest. */
const LISTED = 100;

/** `outbox list`: the oldest entries, parked ones first. */
export async function listOutbox(
  { pool, print, json }: SyncCommandContext,
  filter: { tenantId: string | undefined; parkedOnly: boolean },
): Promise<number> {
  const { counts, entries } = await pool.transaction(async (tx) => ({
    counts: await countWaiting(tx, filter),
    entries: await listWaiting(tx, filter, LISTED),
  }));
  if (json) print(JSON.stringify({ ...counts, entries }));
  else {
    const { pending, parked, oldestSeconds } = counts;
    print(`${String(pending)} pending, ${String(parked)} parked, the oldest for ${oldestSeconds.toFixed(1)} s`);
    for (const { id, tenantId, kind, a, b, parkedAt, lastError } of entries) {
      const key = [tenantId === '' ? '(platform)' : tenantId, kind, a, b].filter((part) => part !== '').join(' ');
      print(`  ${id}  ${key}${parkedAt === null ? '' : `  parked: ${lastError ?? 'no word'}`}`);
    }
  }
  return counts.parked > 0 ? 3 : 0;
}

/** `outbox retry`: makes parked entries due now; the projector tries them within a moment. */
export async function retryOutbox(
  { pool, print, json }: SyncCommandContext,
  options: { tenantId: string | undefined; dryRun: boolean },
): Promise<number> {
  const entries = await pool.transaction(async (tx) =>
    options.dryRun
      ? (await countWaiting(tx, { tenantId: options.tenantId, parkedOnly: true })).parked
      : await retryParkedOf(tx, options.tenantId),
  );
  const said = options.dryRun ? 'would be tried again' : 'will be tried again now';
  print(json ? JSON.stringify({ entries, dryRun: options.dryRun }) : `${String(entries)} parked entries ${said}`);
  return 0;
}

/** `model status`: the model of this version, and those that the store has been given. */
export async function showModel(
  { pool, print, json }: SyncCommandContext,
  engine: { storeId: string; hasModel: (modelId: string) => Promise<boolean> },
): Promise<number> {
  const models = await pool.transaction((tx) => listModels(tx, engine.storeId));
  const own = models.find(({ hash }) => hash === modelHash);
  const isThere = own !== undefined && (await engine.hasModel(own.modelId));
  const status = own === undefined ? 'not written yet' : isThere ? 'in the store' : 'gone from the store';
  if (json) print(JSON.stringify({ hash: modelHash, modelId: own?.modelId ?? null, status, models }));
  else {
    print(`this version’s model ${modelHash.slice(0, 12)}: ${status}${own === undefined ? '' : ` as ${own.modelId}`}`);
    for (const { modelId, hash } of models) print(`  ${modelId}  ${hash.slice(0, 12)}`);
    if (!isThere) print('`serve` writes it, and fills the store before its first answer');
  }
  return isThere ? 0 : 3;
}

/**
 * SQL of `sync.model`, of the permission catalogue and of the presets: what the database knows of the model's file.
 *
 * Runs as `bailiwick_sync`, under the lock of `lockModels` where several processes start at once.
 */
import type { Tx } from '../platform/postgres.js';
import type { CatalogueEntry } from '../contract/model.js';
import type { Preset } from '../contract/presets.js';

/** One process at a time looks for, and writes, the model. */
export async function lockModels(tx: Tx): Promise<void> {
  await tx.query({ text: `select pg_advisory_xact_lock(7091407302)` });
}

export interface WrittenModel {
  readonly modelId: string;
  readonly hash: string;
  /** Whether the store has been seen to hold what the rows say, since this model was written. */
  readonly isFilled: boolean;
}

/** Models written to the store, newest first. */
export async function listModels(tx: Tx, storeId: string): Promise<WrittenModel[]> {
  const { rows } = await tx.query<WrittenModel>({
    text: `
      select model_id as "modelId", hash, filled_at is not null as "isFilled"
      from sync.model where store_id = $1::text order by ordinal desc limit 100`,
    values: [storeId],
  });
  return rows;
}

/** Notes a model that was written just now; its store counts as not filled. */
export async function insertModel(tx: Tx, model: { storeId: string; modelId: string; hash: string }): Promise<void> {
  await tx.query({
    text: `insert into sync.model (store_id, model_id, hash) values ($1::text, $2::text, $3::text)
      on conflict (store_id, hash) do update set model_id = excluded.model_id, filled_at = null`,
    values: [model.storeId, model.modelId, model.hash],
  });
}

/** Notes that the store holds what the rows say. */
export async function markFilled(tx: Tx, model: { storeId: string; modelId: string }): Promise<void> {
  await tx.query({
    text: `update sync.model set filled_at = now() where store_id = $1::text and model_id = $2::text`,
    values: [model.storeId, model.modelId],
  });
}

/**
 * Makes `security.permission` and `security.preset_role` say what the model and the presets say, and the system roles of
 * every tenant with them. A permission that is gone stays while a custom role has it.
 */
export async function replaceCatalogue(
  tx: Tx,
  { catalogue, presets }: { catalogue: readonly CatalogueEntry[]; presets: readonly Preset[] },
): Promise<void> {
  await upsertPermissions(tx, catalogue);
  await replacePresetRoles(tx, presets);
  await tx.query({ text: `select security.apply_presets()` });
  await tx.query({
    text: `
      delete from security.permission p where p.id <> all($1::text[])
        and not exists (select from security.role_permission g where g.permission_id = p.id)`,
    values: [catalogue.map((entry) => entry.id)],
  });
}

async function upsertPermissions(tx: Tx, catalogue: readonly CatalogueEntry[]): Promise<void> {
  await tx.query({
    text: `
      insert into security.permission as p (id, group_name, description, kind, object_type)
      select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
      on conflict (id) do update
        set group_name = excluded.group_name, description = excluded.description,
            kind = excluded.kind, object_type = excluded.object_type
        where (p.group_name, p.description, p.kind, p.object_type)
          is distinct from (excluded.group_name, excluded.description, excluded.kind, excluded.object_type)`,
    values: [
      catalogue.map((entry) => entry.id),
      catalogue.map((entry) => entry.group),
      catalogue.map((entry) => entry.description),
      catalogue.map((entry) => entry.kind),
      catalogue.map((entry) => entry.objectType),
    ],
  });
}

async function replacePresetRoles(tx: Tx, presets: readonly Preset[]): Promise<void> {
  const rows = presets.flatMap(({ name: preset, roles }) => roles.map((role) => ({ preset, ...role })));
  await tx.query({
    text: `
      with wanted as (
        select * from jsonb_to_recordset($1::jsonb)
          as w (preset text, name text, description text, permissions text[], delegates text[])),
      gone as (
        delete from security.preset_role p where not exists (
          select from wanted w where w.preset = p.preset and w.name = p.name))
      insert into security.preset_role as p (preset, name, description, permissions, delegates)
      select w.preset, w.name, w.description, w.permissions, w.delegates from wanted w
      on conflict (preset, name) do update
        set description = excluded.description, permissions = excluded.permissions, delegates = excluded.delegates`,
    values: [JSON.stringify(rows)],
  });
}

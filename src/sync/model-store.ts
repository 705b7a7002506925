/** SQL of `sync.model` and of the permission catalogue. */
import type { Tx } from '../platform/postgres.js';
import type { CatalogueEntry } from '../contract/model.js';

/** One process at a time looks for, and writes, the model. */
export async function lockModels(tx: Tx): Promise<void> {
  await tx.query({ text: `select pg_advisory_xact_lock(7091407302)` });
}

/** Models written to the store, newest first. */
export async function listModels(tx: Tx, storeId: string): Promise<{ modelId: string; hash: string }[]> {
  const { rows } = await tx.query<{ modelId: string; hash: string }>({
    text: `
      select model_id as "modelId", hash from sync.model where store_id = $1::text order by ordinal desc limit 100`,
    values: [storeId],
  });
  return rows;
}

export async function insertModel(tx: Tx, model: { storeId: string; modelId: string; hash: string }): Promise<void> {
  await tx.query({
    text: `insert into sync.model (store_id, model_id, hash) values ($1::text, $2::text, $3::text)
      on conflict (store_id, hash) do update set model_id = excluded.model_id`,
    values: [model.storeId, model.modelId, model.hash],
  });
}

/** Makes `security.permission` say what the catalogue says; a permission that is gone stays while a role has it. */
export async function replaceCatalogue(tx: Tx, catalogue: readonly CatalogueEntry[]): Promise<void> {
  const ids = catalogue.map((entry) => entry.id);
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
      ids,
      catalogue.map((entry) => entry.group),
      catalogue.map((entry) => entry.description),
      catalogue.map((entry) => entry.kind),
      catalogue.map((entry) => entry.objectType),
    ],
  });
  await tx.query({
    text: `
      delete from security.permission p where p.id <> all($1::text[])
        and not exists (select from security.role_permission g where g.permission_id = p.id)`,
    values: [ids],
  });
}

/**
 * Tenants, as the platform has them: listing, creating, and changing their status, name and settings.
 *
 * A status is in force when the answer says `applied`, in `/check` too: the receipt waits for its projection. Sessions of a
 * suspended tenant end by themselves, since each request asks for them.
 */
import { randomUUID } from 'node:crypto';

import { z } from 'zod';

import type { Change } from '../audit/change.js';
import { ConstraintError } from '../platform/postgres.js';
import type { Pool, Tx } from '../platform/postgres.js';
import type { Operations } from '../shared/operation.js';
import { decodePlace, toPage } from '../shared/page-cursor.js';
import { Problem } from '../shared/problem.js';
import { findTenant, insertTenant, listTenants, updateTenant } from './tenant-store.js';
import type { TenantRow } from './tenant-store.js';

const PLATFORM = { settings: { 'bailiwick.platform': 'on' } };
const place = z.tuple([z.string().max(200)]);

export function tenantOperations({ change, pool }: { readonly change: Change; readonly pool: Pool }) {
  return {
    async listTenants({ query: { search, status, cursor, limit = 50 } }) {
      const [after = ''] = decodePlace(cursor, place) ?? [];
      const rows = await pool.transaction(
        (tx) => listTenants(tx, { filter: { search, status }, after, limit: limit + 1 }),
        PLATFORM,
      );
      const { items, nextCursor } = toPage(rows, limit, (tenant) => [tenant.name]);
      return { status: 200, body: { items: items.map(tenantBody), nextCursor } };
    },
    async createTenant({ body: { slug, preset, ...body } }, context) {
      const name = tidy(body.name);
      const tenant = { id: randomUUID(), slug, preset, name };
      const { result, ...receipt } = await change(context, { tenantId: undefined, about: tenant.id }, async (tx) => {
        await insertTenant(tx, tenant).catch((error: unknown) => {
          throw named(error, { slug, name });
        });
        return await getTenant(tx, tenant.id);
      });
      return { status: 201, body: { ...tenantBody(result), ...receipt } };
    },
    async updateTenant({ path: { id }, body: { status, showOneTimePasswords, ...body } }, context) {
      const name = body.name === undefined ? undefined : tidy(body.name);
      const { result, ...receipt } = await change(context, { tenantId: undefined, about: id }, async (tx) => {
        const wanted = { name, status, showOneTimePasswords };
        const isThere = await updateTenant(tx, id, wanted).catch((error: unknown) => {
          throw named(error, { name });
        });
        if (!isThere) throw noSuchTenant();
        return await getTenant(tx, id);
      });
      return { status: 200, body: { ...tenantBody(result), ...receipt } };
    },
  } satisfies Partial<Operations>;
}

async function getTenant(tx: Tx, tenantId: string): Promise<TenantRow> {
  const tenant = await findTenant(tx, tenantId);
  if (tenant === undefined) throw noSuchTenant();
  return tenant;
}

function noSuchTenant(): Problem {
  return new Problem('NOT_FOUND', 'there is no such tenant');
}

/** As it is compared and kept: one form of each character, no white space around it. */
function tidy(name: string): string {
  const tidied = name.normalize('NFC').trim();
  if (tidied !== '') return tidied;
  throw new Problem('INVALID_REQUEST', '`name` is blank', { errors: [{ field: 'name', message: 'is blank' }] });
}

/** The problem that a constraint of the table stands for. */
function named(error: unknown, { slug, name }: { slug?: string; name: string | undefined }): unknown {
  if (!(error instanceof ConstraintError)) return error;
  switch (error.constraint) {
    case 'uq_tenant_slug':
      return new Problem('SLUG_TAKEN', `\`${String(slug)}\` is the address of another tenant`, { cause: error });
    case 'chk_tenant_slug':
    case 'chk_tenant_slug_reserved':
      return new Problem('SLUG_TAKEN', `\`${String(slug)}\` is reserved`, { cause: error });
    case 'uq_tenant_name':
      return new Problem('NAME_TAKEN', `a tenant is named \`${String(name)}\` already`, { cause: error });
    default:
      return error;
  }
}

function tenantBody({ createdAt, ...tenant }: TenantRow) {
  return { ...tenant, createdAt: createdAt.toISOString() };
}

/**
 * Permissions by roles as a file, so that two environments or two years can be laid side by side.
 *
 * Who took the matrix away, and how much of it, is an entry, committed before the file is sent; so the file is made here
 * and not by whoever shows it.
 */
import { tenantOf } from '../audit/change.js';
import type { Show } from '../audit/change.js';
import { csvLine } from '../audit/csv.js';
import { catalogue } from '../contract/model.js';
import type { Tx } from '../platform/postgres.js';
import type { Operations } from '../shared/operation.js';
import { platformRole } from './platform-role.js';
import { listRoles } from './role-store.js';
import type { RoleRow } from './role-store.js';

const PAGE = 500;
const grantable = catalogue.filter(({ objectType }) => objectType === 'tenant');

export function matrixExport({ show }: { readonly show: Show }) {
  return {
    async exportRoleMatrix({ query }, context) {
      const tenantId = tenantOf(context);
      const { roleIds, search = '', onlyGranted = false, onlyDifferent = false } = query;
      const wanted = roleIds?.split(',');
      const lines = await show(context, tenantId, async (tx, writeDown) => {
        const roles = (await everyRole(tx, tenantId)).filter(({ id }) => wanted?.includes(id) ?? true);
        const rows = matrixOf(roles, { search, onlyGranted, onlyDifferent });
        const details = { filter: query, roles: roles.length, permissions: rows.length };
        await writeDown({ entityType: 'role', entityId: '*', action: 'EXPORT', purpose: 'role.export', details });
        return [['permission', 'group', 'description', ...roles.map(({ roleName }) => roleName)], ...rows];
      });
      return {
        status: 200,
        // The body is the stream; its type is the whole file's.
        body: '',
        stream: linesOf(lines),
        headers: {
          'content-type': 'text/csv; charset=utf-8; header=present',
          'content-disposition': 'attachment; filename="roles.csv"',
        },
      };
    },
  } satisfies Partial<Operations>;
}

/** In the order of the console: what is worked on first, what nobody changes last. */
async function everyRole(tx: Tx, tenantId: string): Promise<RoleRow[]> {
  const roles: RoleRow[] = [];
  for (;;) {
    const page = await listRoles(tx, { tenantId, after: roles.at(-1), limit: PAGE });
    roles.push(...page);
    if (page.length < PAGE) break;
  }
  return [...roles.filter((role) => !role.isSystem), ...roles.filter((role) => role.isSystem), platformRole];
}

interface Filter {
  readonly search: string;
  readonly onlyGranted: boolean;
  readonly onlyDifferent: boolean;
}

/** A line for each permission that the filter leaves, with a mark for each role that holds it. */
function matrixOf(roles: readonly RoleRow[], { search, onlyGranted, onlyDifferent }: Filter): string[][] {
  const sets = roles.map(({ permissionIds }) => new Set(permissionIds));
  const part = search.toLowerCase();
  return grantable.flatMap(({ id, group, description }) => {
    if (![id, group, description].some((text) => text.toLowerCase().includes(part))) return [];
    const holders = sets.filter((set) => set.has(id)).length;
    if (onlyGranted && holders === 0) return [];
    if (onlyDifferent && (holders === 0 || holders === roles.length)) return [];
    return [[id, group, description, ...sets.map((set) => (set.has(id) ? 'granted' : ''))]];
  });
}

async function* linesOf(lines: readonly (readonly string[])[]): AsyncGenerator<string> {
  yield await Promise.resolve(lines.map((fields) => csvLine(fields)).join(''));
}

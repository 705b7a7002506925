/** Roles and the catalogue of permissions, as every screen of roles and people reads them. */
import { useQuery, useQueryClient } from '@tanstack/react-query';

import type { Role } from '../../../src/contract/api.js';
import { call } from '../api/client.js';
import { PLATFORM_ROLE_ID } from './lock.js';

const ROLES = ['roles'];
/** A tenant has dozens of roles; whoever has thousands sees the first. */
const PAGES_MAX = 4;

async function readRoles(signal: AbortSignal): Promise<Role[]> {
  const roles = new Map<string, Role>();
  let cursor: string | undefined;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const query = { limit: 500, ...(cursor === undefined ? {} : { cursor }) };
    const { items, nextCursor } = await call('listRoles', { query }, { signal });
    for (const role of items) roles.set(role.id, role);
    if (nextCursor === null) break;
    cursor = nextCursor;
  }
  return [...roles.values()].sort((a, b) => rank(a) - rank(b));
}

/** Those that are worked on come first; what nobody changes here last. */
const rank = (role: Role): number => (role.id === PLATFORM_ROLE_ID ? 2 : role.isSystem ? 1 : 0);

export function useRoles() {
  return useQuery({ queryKey: ROLES, queryFn: ({ signal }) => readRoles(signal) });
}

export function useCatalogue() {
  return useQuery({
    queryKey: ['permissions'],
    queryFn: async ({ signal }) => (await call('listPermissions', {}, { signal })).items,
    staleTime: 300_000,
  });
}

/** Puts a role as it was just answered in the place of the one that was read; reads all of them anew besides. */
export function useRoleCache() {
  const client = useQueryClient();
  return {
    put: (role: Role) => {
      client.setQueryData<Role[]>(ROLES, (all) => all?.map((one) => (one.id === role.id ? { ...one, ...role } : one)));
    },
    refresh: () => client.invalidateQueries({ queryKey: ROLES }),
  };
}

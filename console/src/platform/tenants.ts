/** Tenants as a platform admin reads them. */
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';

import type { TenantStatus } from '../../../src/contract/api.js';
import { call } from '../api/client.js';

export const TENANT_STATUSES: readonly TenantStatus[] = ['active', 'read_only', 'suspended'];
const FIRST: string | undefined = undefined;

export function useTenants({ search, status }: { search: string; status: TenantStatus | undefined }) {
  return useInfiniteQuery({
    queryKey: ['tenants', search, status],
    queryFn: ({ signal, pageParam }) => {
      const filter = { ...(search === '' ? {} : { search }), ...(status === undefined ? {} : { status }) };
      const place = pageParam === undefined ? {} : { cursor: pageParam };
      return call('listTenants', { query: { limit: 50, ...filter, ...place } }, { signal });
    },
    initialPageParam: FIRST,
    getNextPageParam: ({ nextCursor }): string | undefined => nextCursor ?? undefined,
    placeholderData: (before) => before,
  });
}

export function useRefreshTenants(): () => Promise<void> {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: ['tenants'] });
}

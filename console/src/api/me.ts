/** Who is signed in and what they may do here now: screens and buttons are offered by it, and the service judges anyway. */
import { useQuery } from '@tanstack/react-query';

import { call } from './client.js';
import { useSession } from './session.js';

export function useMe() {
  const session = useSession();
  const token = session?.acting?.impersonationId ?? session?.slug;
  return useQuery({
    queryKey: ['me', token],
    queryFn: ({ signal }) => call('getMe', {}, { signal }),
    enabled: session !== undefined && !session.mustChangePassword,
    staleTime: 30_000,
    refetchInterval: 60_000,
  });
}

/** Whether the signed-in person holds a permission in the tenant now. */
export function useMay(permission: string): boolean {
  return useMe().data?.permissions.includes(permission) ?? false;
}

/** The tenant whose data is shown; empty before it is known. */
export function useTenantId(): string {
  return useMe().data?.tenantId ?? '';
}

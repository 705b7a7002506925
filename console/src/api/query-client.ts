/** What was read from the service, kept for as long as it is shown, and forgotten whole when somebody else signs in. */
import { QueryClient } from '@tanstack/react-query';

import { asProblem } from './problem.js';
import { currentSession, subscribeSession } from './session.js';
import { forgetSyncToken } from './sync.js';

/** Reads that may work a moment later are tried again; what the service refused is not. */
const RETRIES = 2;

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      gcTime: 60_000,
      refetchOnWindowFocus: true,
      retry: (count, error) => {
        const { status } = asProblem(error);
        return count < RETRIES && (status === 503 || status === 0);
      },
      retryDelay: (count) => 400 * 2 ** count,
    },
  },
});

/** Whose data is kept: it changes with the person and with the tenant that they act in. */
const whose = (): string => {
  const session = currentSession();
  return session === undefined ? '' : `${session.slug} ${session.acting?.impersonationId ?? ''}`;
};

let before = whose();
subscribeSession(() => {
  const now = whose();
  if (now === before) return;
  before = now;
  queryClient.clear();
  forgetSyncToken();
});

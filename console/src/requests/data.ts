/** Requests of every kind, page by page, and the names of those whom they are about. */
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';

import { useMay } from '../api/me.js';
import { nameOf, useEverybody } from '../users/people.js';

const KEY = 'requests';
const FIRST: string | undefined = undefined;

interface Place {
  readonly limit: number;
  readonly cursor?: string;
}

/** The pages of a list of the service; `of` tells it from other lists of these screens. */
export function usePages<P extends { readonly nextCursor: string | null }>(
  of: readonly unknown[],
  read: (place: Place, signal: AbortSignal) => Promise<P>,
) {
  return useInfiniteQuery({
    queryKey: [KEY, ...of],
    queryFn: ({ signal, pageParam }) =>
      read({ limit: 50, ...(pageParam === undefined ? {} : { cursor: pageParam }) }, signal),
    initialPageParam: FIRST,
    getNextPageParam: ({ nextCursor }): string | undefined => nextCursor ?? undefined,
    placeholderData: (before) => before,
  });
}

/** Has everything of this screen read anew. */
export function useRefreshRequests(): () => Promise<void> {
  const client = useQueryClient();
  return async () => {
    await client.invalidateQueries({ queryKey: [KEY] });
    await client.invalidateQueries({ queryKey: ['me'] });
  };
}

/** What a user is called; their id where the reader may not see who is who. */
export function useNames(): {
  readonly nameOf: (userId: string) => string;
  readonly people: ReadonlyMap<string, string>;
} {
  const mayRead = useMay('users.read');
  const everybody = useEverybody(mayRead);
  const people = new Map((everybody.data ?? []).map((person) => [person.id, nameOf(person)]));
  return { people, nameOf: (userId) => people.get(userId) ?? userId };
}

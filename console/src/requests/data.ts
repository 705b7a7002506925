/** Requests of every kind, page by page, and the names of those whom they are about. */
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';

import { useMay, useMe } from '../api/me.js';
import { nameOf, useEverybody } from '../users/people.js';

/** Under it everything of these screens is kept. */
export const KEY = 'requests';
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

/** What a user is called; their id where the reader, who knows their own name, may not see who is who. */
export function useNames(): { readonly nameOf: (userId: string) => string } {
  const mayRead = useMay('users.read');
  const everybody = useEverybody(mayRead).data ?? [];
  const me = useMe().data;
  const people = new Map(everybody.map((person) => [person.id, nameOf(person)]));
  if (me !== undefined) people.set(me.userId, nameOf(me));
  return { nameOf: (userId) => people.get(userId) ?? userId };
}

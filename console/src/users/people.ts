/**
 * People of the tenant, page by page, as the screens about them read them.
 */
import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';

import type { User, UserState } from '../../../src/contract/api.js';
import { call } from '../api/client.js';

export const USER_STATES: readonly UserState[] = ['disabled', 'locked', 'must_change', 'never_signed_in', 'no_role'];

export interface PeopleFilter {
  readonly search: string;
  readonly state: UserState | undefined;
}

const PAGE = 50;
const FIRST: string | undefined = undefined;

export function usePeople({ search, state }: PeopleFilter) {
  return useInfiniteQuery({
    queryKey: ['people', search, state],
    queryFn: ({ signal, pageParam }) => {
      const filter = { ...(search === '' ? {} : { search }), ...(state === undefined ? {} : { state }) };
      const place = pageParam === undefined ? {} : { cursor: pageParam };
      return call('listPeople', { query: { limit: PAGE, ...filter, ...place } }, { signal });
    },
    initialPageParam: FIRST,
    getNextPageParam: ({ nextCursor }) => nextCursor ?? undefined,
    placeholderData: (before) => before,
  });
}

export function usePerson(userId: string | undefined) {
  return useQuery({
    queryKey: ['people', 'one', userId],
    queryFn: ({ signal }) => call('getUser', { path: { id: userId ?? '' } }, { signal }),
    enabled: userId !== undefined,
  });
}

/** The first thousand people of the tenant, for their names; nobody, where the reader may not see them. */
export function useEverybody(mayRead = true) {
  return useQuery({
    queryKey: ['people', 'all'],
    enabled: mayRead,
    queryFn: async ({ signal }) => {
      const people: User[] = [];
      let cursor: string | undefined;
      do {
        const query = { limit: 200, ...(cursor === undefined ? {} : { cursor }) };
        const page = await call('listPeople', { query }, { signal });
        people.push(...page.items);
        cursor = page.nextCursor ?? undefined;
      } while (cursor !== undefined && people.length < 1000);
      return people;
    },
    staleTime: 30_000,
  });
}

export function useRefreshPeople(): () => Promise<void> {
  const client = useQueryClient();
  return async () => {
    await client.invalidateQueries({ queryKey: ['people'] });
    await client.invalidateQueries({ queryKey: ['roles'] });
  };
}

export const nameOf = ({ displayName, email }: Pick<User, 'displayName' | 'email'>): string =>
  displayName === '' ? email : displayName;

/**
 * What the lists of requests have in common: the frame of a table with its empty, loading and failed states, a status in
 * a word, and a time in words.
 */
import type { ReactNode } from 'react';

import { Failed, Loading, State } from '../parts/states.js';
import { found, type TextKey, t } from '../text/text.js';

interface Pages<T> {
  readonly data: { readonly pages: readonly { readonly items: readonly T[] }[] } | undefined;
  readonly isPending: boolean;
  readonly isError: boolean;
  readonly error: unknown;
  readonly hasNextPage: boolean;
  readonly refetch: () => unknown;
  readonly fetchNextPage: () => unknown;
}

interface ListProps<T> {
  readonly pages: Pages<T>;
  readonly heads: readonly TextKey[];
  /** Said where there is nothing. */
  readonly none: { readonly title: TextKey; readonly detail: TextKey };
  readonly row: (item: T) => ReactNode;
}

/** A table of what was read so far, or why there is none. */
export function List<T>({ pages, heads, none, row }: ListProps<T>) {
  const items = pages.data?.pages.flatMap((page) => page.items) ?? [];
  if (pages.isPending) return <Loading />;
  if (pages.isError) return <Failed error={pages.error} onRetry={() => void pages.refetch()} />;
  if (items.length === 0) {
    return (
      <State icon="search" title={t(none.title)}>
        <p>{t(none.detail)}</p>
      </State>
    );
  }
  return (
    <>
      <div className="table-frame">
        <table className="table">
          <thead>
            <tr>
              {heads.map((head) => (
                <th key={head} scope="col">
                  {head === 'requests.actions' ? <span className="unseen">{t(head)}</span> : t(head)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>{items.map(row)}</tbody>
        </table>
      </div>
      {pages.hasNextPage && (
        <button type="button" className="button" onClick={() => void pages.fetchNextPage()}>
          {t('common.loadMore')}
        </button>
      )}
    </>
  );
}

const KIND: Readonly<Record<string, string>> = {
  pending: 'chip-warn',
  approved: 'chip-good',
  active: 'chip-good',
  denied: 'chip-bad',
};

/** How far something has come, in a word. */
export function Status({ status }: { status: string }) {
  return <span className={`chip ${KIND[status] ?? ''}`}>{found(`requests.status.${status}`) ?? status}</span>;
}

/** `90 minutes`, `2 hours`, `3 days`. */
export function durationOf(minutes: number): string {
  const [value, unit] =
    minutes % 1440 === 0 ? [minutes / 1440, 'day'] : minutes % 60 === 0 ? [minutes / 60, 'hour'] : [minutes, 'minute'];
  return new Intl.NumberFormat('en', { style: 'unit', unit, unitDisplay: 'long' }).format(value);
}

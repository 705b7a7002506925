/**
 * What the lists of requests have in common: the frame of a table with its empty, loading and failed states, a status in
 * a word, and choices of a role and of a person.
 */
import type { ReactNode } from 'react';

import { useMay, useMe } from '../api/me.js';
import { Field, SelectField } from '../parts/field.js';
import { Failed, Loading, State } from '../parts/states.js';
import { PLATFORM_ROLE_ID, useRoles } from '../rbac/data.js';
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

interface ChoiceProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** What stands for none of them. */
  readonly none?: string;
  /** Whether only what the reader holds is offered. */
  readonly own?: boolean;
}

/** A role of the tenant; its id, where the roles are not the reader's to see. */
export function RoleChoice({ value, onChange, none = t('requests.choose'), own = false }: ChoiceProps) {
  if (useMay('users.read')) return <KnownRole {...{ value, onChange, none, own }} />;
  return (
    <Field
      label={t('requests.role.id')}
      hint={t('requests.role.id.hint')}
      spellCheck={false}
      value={value}
      onChange={onChange}
    />
  );
}

function KnownRole({ value, onChange, none, own }: Required<ChoiceProps>) {
  const mine = useMe().data?.roles ?? [];
  const roles = (useRoles().data ?? []).filter(
    ({ id, roleName }) => id !== PLATFORM_ROLE_ID && (!own || mine.includes(roleName)),
  );
  const options = [{ value: '', label: none }, ...roles.map(({ id, roleName }) => ({ value: id, label: roleName }))];
  return <SelectField label={t('requests.role')} {...{ value, onChange, options }} />;
}

/** Somebody else of the tenant; their id, where who is there is not the reader's to see. */
export function PersonChoice({
  label,
  people,
  value,
  onChange,
}: ChoiceProps & { label: string; people: ReadonlyMap<string, string> }) {
  if (people.size === 0) {
    return <Field label={t('requests.person.id')} spellCheck={false} required {...{ value, onChange }} />;
  }
  const named = [...people].map(([id, name]) => ({ value: id, label: name }));
  const options = [{ value: '', label: t('requests.choose') }, ...named];
  return <SelectField {...{ label, value, onChange, options }} />;
}

/** `90 minutes`, `2 hours`, `3 days`. */
export function durationOf(minutes: number): string {
  const [value, unit] =
    minutes % 1440 === 0 ? [minutes / 1440, 'day'] : minutes % 60 === 0 ? [minutes / 60, 'hour'] : [minutes, 'minute'];
  return new Intl.NumberFormat('en', { style: 'unit', unit, unitDisplay: 'long' }).format(value);
}

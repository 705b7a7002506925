/**
 * `/admin/audit`: everything that was written down in the tenant. The filters stand in the address, under the names that the
 * operation gives them, so that a link from anywhere shows exactly its entries.
 */
import { useInfiniteQuery } from '@tanstack/react-query';

import { addressOf, call, type Input } from '../api/client.js';
import { useExport } from '../parts/export.js';
import { Field, SelectField } from '../parts/field.js';
import { useSettled } from '../parts/settled.js';
import { Failed, Loading, State } from '../parts/states.js';
import { setQuery, usePlace } from '../router.js';
import { fromLocalField, toLocalField } from '../text/dates.js';
import { t } from '../text/text.js';
import { ChainState } from './chain-state.js';
import { Entry } from './entry.js';

type Query = NonNullable<Input<'listAuditLog'>['query']>;

/** Every kind of thing that entries of a tenant are about. */
const KINDS = [
  'role',
  'role_permission',
  'user_role',
  'app_user',
  'user',
  'user_assignment',
  'record',
  'elevation',
  'delegation',
  'emergency_access',
  'access_policy',
  'review',
  'service_key',
  'tenant',
  'impersonation',
  'access_log',
];
const ACTIONS = ['READ', 'WRITE', 'DELETE', 'EXPORT', 'PRINT'] as const;
const TEXTS = ['entityId', 'actorUserId', 'purpose'] as const;
const NAMES = ['entityType', 'action', 'from', 'to', ...TEXTS];
const FIRST: string | undefined = undefined;

function filterOf(query: URLSearchParams): Query {
  const action = ACTIONS.find((one) => one === query.get('action'));
  const named = NAMES.filter((name) => name !== 'action' && (query.get(name) ?? '') !== '');
  return {
    ...Object.fromEntries(named.map((name) => [name, query.get(name) ?? ''])),
    ...(action === undefined ? {} : { action }),
  };
}

export function AuditScreen() {
  const { query } = usePlace();
  const filter = filterOf(query);
  const settled = useSettled(query.toString());
  const log = useInfiniteQuery({
    queryKey: ['audit', 'log', settled],
    queryFn: ({ signal, pageParam }) => {
      const place = pageParam === undefined ? {} : { cursor: pageParam };
      return call(
        'listAuditLog',
        { query: { ...filterOf(new URLSearchParams(settled)), ...place, limit: 50 } },
        { signal },
      );
    },
    initialPageParam: FIRST,
    getNextPageParam: ({ nextCursor }): string | undefined => nextCursor ?? undefined,
    placeholderData: (before) => before,
    staleTime: 0,
    refetchOnWindowFocus: false,
  });
  const entries = log.data?.pages.flatMap(({ items }) => items) ?? [];
  return (
    <div className="stack">
      <div className="row">
        <h1 className="grow">{t('audit.title')}</h1>
        <Export filter={filter} format="csv" />
        <Export filter={filter} format="ndjson" />
      </div>
      <ChainState />
      <Filters filter={filter} />
      {log.isPending && <Loading />}
      {log.isError && <Failed error={log.error} onRetry={() => void log.refetch()} />}
      {log.data !== undefined && entries.length === 0 && <NoEntries />}
      <ul className="entries entries-framed">
        {entries.map((entry) => (
          <Entry key={entry.id} entry={entry} />
        ))}
      </ul>
      {log.hasNextPage && (
        <button
          type="button"
          className="button"
          disabled={log.isFetchingNextPage}
          onClick={() => void log.fetchNextPage()}
        >
          {t('common.loadMore')}
        </button>
      )}
    </div>
  );
}

function NoEntries() {
  const clear = (
    <button
      type="button"
      className="button"
      onClick={() => setQuery(Object.fromEntries(NAMES.map((name) => [name, undefined])))}
    >
      {t('common.clearFilters')}
    </button>
  );
  return (
    <State icon="audit" title={t('audit.none')} action={clear}>
      <p>{t('audit.none.detail')}</p>
    </State>
  );
}

function Filters({ filter }: { filter: Query }) {
  const moment = (name: 'from' | 'to') => (
    <Field
      label={t(`audit.${name}`)}
      type="datetime-local"
      value={toLocalField(filter[name] ?? null)}
      onChange={(value) => setQuery({ [name]: value === '' ? undefined : fromLocalField(value) })}
    />
  );
  const kinds =
    filter.entityType === undefined || KINDS.includes(filter.entityType) ? KINDS : [...KINDS, filter.entityType];
  return (
    <div className="filters">
      <SelectField
        label={t('audit.entityType')}
        value={filter.entityType ?? ''}
        options={[
          { value: '', label: t('audit.entityType.any') },
          ...kinds.map((kind) => ({ value: kind, label: kind })),
        ]}
        onChange={(entityType) => setQuery({ entityType })}
      />
      <SelectField
        label={t('audit.action')}
        value={filter.action ?? ''}
        options={[{ value: '', label: t('audit.action.any') }, ...ACTIONS.map((one) => ({ value: one, label: one }))]}
        onChange={(action) => setQuery({ action })}
      />
      <Field
        label={t('audit.purpose')}
        placeholder={t('audit.purpose.hint')}
        value={filter.purpose ?? ''}
        onChange={(purpose) => setQuery({ purpose })}
      />
      <Field
        label={t('audit.entityId')}
        value={filter.entityId ?? ''}
        onChange={(entityId) => setQuery({ entityId })}
      />
      <Field
        label={t('audit.actor')}
        value={filter.actorUserId ?? ''}
        onChange={(actorUserId) => setQuery({ actorUserId })}
      />
      {moment('from')}
      {moment('to')}
    </div>
  );
}

function Export({ filter, format }: { filter: Query; format: 'csv' | 'ndjson' }) {
  const save = useExport();
  return (
    <button
      type="button"
      className="button button-small"
      title={t('audit.export.told')}
      onClick={() => save(`audit.${format}`, addressOf('/admin/audit-log/export', { query: { ...filter, format } }))}
    >
      {t(`audit.${format}`)}
    </button>
  );
}

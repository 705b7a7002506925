/**
 * The role that is selected, and what can be done with it; a thing that cannot be done says why.
 */
import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';

import type { Role } from '../../../src/contract/api.js';
import { call } from '../api/client.js';
import { Dialog } from '../parts/dialog.js';
import { Icon } from '../parts/icon.js';
import { Failed, Loading } from '../parts/states.js';
import { setQuery } from '../router.js';
import { t } from '../text/text.js';
import { lockOf } from './lock.js';
import { Holders } from './holders.js';
import type { RoleTask } from './role-dialogs.js';

interface RoleBarProps {
  readonly role: Role | undefined;
  readonly isList: boolean;
  readonly mayAdmin: boolean;
  readonly onTask: (task: RoleTask) => void;
}

export function RoleBar({ role, isList, mayAdmin, onTask }: RoleBarProps) {
  const [showsHolders, setShowsHolders] = useState(false);
  if (role === undefined) return <div className="role-bar quiet">{t('rbac.role.none')}</div>;
  const lock = lockOf(role, mayAdmin);
  const locked = lock === undefined ? undefined : t(`rbac.locked.${lock}`);
  const cloneLocked = lock === 'platform' ? locked : mayAdmin ? undefined : t('rbac.locked.may');
  return (
    <div className="role-bar">
      <div className="grow">
        <strong>{role.roleName}</strong>{' '}
        <span className="chip">
          {role.isSystem && <Icon name="lock" size={12} />}
          {t(role.isSystem ? 'rbac.role.system' : 'rbac.role.custom')}
        </span>
        <div className="small quiet">{role.description === '' ? t('rbac.role.noDescription') : role.description}</div>
      </div>
      <button
        type="button"
        className="button button-small"
        disabled={lock === 'platform'}
        onClick={() => setShowsHolders(true)}
      >
        <Icon name="users" size={15} /> {t('rbac.role.users', { count: role.activeUserCount })}
      </button>
      <button
        type="button"
        className="button button-small"
        aria-pressed={isList}
        onClick={() => setQuery({ view: isList ? undefined : 'list' })}
      >
        {t(isList ? 'rbac.role.matrix' : 'rbac.role.list')}
      </button>
      <Task label={t('rbac.role.clone')} locked={cloneLocked} onDo={() => onTask({ kind: 'clone', role })} />
      <Task label={t('rbac.role.describe')} locked={locked} onDo={() => onTask({ kind: 'describe', role })} />
      <Task label={t('rbac.role.delete')} locked={locked} onDo={() => onTask({ kind: 'delete', role })} />
      <button
        type="button"
        className="button-icon"
        aria-label={t('rbac.role.deselect')}
        onClick={() => setQuery({ role: undefined, view: undefined })}
      >
        <Icon name="close" size={15} />
      </button>
      {showsHolders && <HoldersDialog role={role} onClose={() => setShowsHolders(false)} />}
    </div>
  );
}

function Task({ label, locked, onDo }: { label: string; locked: string | undefined; onDo: () => void }) {
  return (
    <button
      type="button"
      className="button button-small"
      aria-disabled={locked !== undefined}
      title={locked}
      onClick={() => locked === undefined && onDo()}
    >
      {label}
      {locked !== undefined && <span className="unseen">{locked}</span>}
    </button>
  );
}

const HOLDERS = 200;
const FIRST: string | undefined = undefined;

function HoldersDialog({ role: { id, roleName }, onClose }: { role: Role; onClose: () => void }) {
  const holders = useInfiniteQuery({
    queryKey: ['holders', id],
    queryFn: ({ signal, pageParam }) => {
      const place = pageParam === undefined ? {} : { cursor: pageParam };
      return call('listRoleUsers', { path: { id }, query: { limit: HOLDERS, ...place } }, { signal });
    },
    initialPageParam: FIRST,
    getNextPageParam: ({ nextCursor }): string | undefined => nextCursor ?? undefined,
  });
  const items = holders.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Dialog title={t('rbac.holders.title', { role: roleName })} onClose={onClose}>
      {holders.isError && <Failed error={holders.error} onRetry={() => void holders.refetch()} />}
      {holders.isPending && <Loading rows={3} />}
      {holders.data !== undefined && items.length === 0 && <p className="quiet">{t('rbac.holders.none')}</p>}
      <Holders items={items} />
      {holders.hasNextPage && (
        <button
          type="button"
          className="button"
          disabled={holders.isFetchingNextPage}
          onClick={() => void holders.fetchNextPage()}
        >
          {t('common.loadMore')}
        </button>
      )}
    </Dialog>
  );
}

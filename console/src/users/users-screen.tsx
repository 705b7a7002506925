/**
 * `/admin/users`: who is in the tenant, and what stands in the way of their signing in. Search, state and a single user stand
 * in the address; **Roles** and the shield are on every row.
 */
import { useState } from 'react';

import type { User } from '../../../src/contract/api.js';
import { useMay } from '../api/me.js';
import { Icon } from '../parts/icon.js';
import { useSettled } from '../parts/settled.js';
import { Failed, Highlight, Loading, Notice, State } from '../parts/states.js';
import { setQuery, usePlace } from '../router.js';
import { When } from '../text/dates.js';
import { t } from '../text/text.js';
import { EffectiveScopeDrawer } from './effective-scope-drawer.js';
import { nameOf, USER_STATES, usePeople, usePerson } from './people.js';
import { UserMenu } from './user-menu.js';
import { UserRoleAssignDialog } from './user-role-assign-dialog.js';
import { StateBadges } from './state-badges.js';
import { AddUserDialog } from './add-user-dialog.js';

type Open = { readonly what: 'roles' | 'scope'; readonly user: User } | { readonly what: 'add' };

export function UsersScreen() {
  const { query } = usePlace();
  const mayUpdate = useMay('users.update');
  const [open, setOpen] = useState<Open>();
  const close = (): void => setOpen(undefined);
  return (
    <div className="stack">
      <div className="row">
        <h1 className="grow">{t('users.title')}</h1>
        <button
          type="button"
          className="button button-main"
          aria-disabled={!mayUpdate}
          title={mayUpdate ? undefined : t('users.add.needs')}
          onClick={() => mayUpdate && setOpen({ what: 'add' })}
        >
          <Icon name="plus" size={16} /> {t('users.add')}
        </button>
      </div>
      {!mayUpdate && <Notice>{t('may.not', { permission: 'users.update' })}</Notice>}
      {query.has('user') ? (
        <OneUser onOpen={setOpen} userId={query.get('user') ?? ''} />
      ) : (
        <Everybody onOpen={setOpen} />
      )}
      {open?.what === 'add' && <AddUserDialog onClose={close} />}
      {open?.what === 'roles' && <UserRoleAssignDialog user={open.user} onClose={close} />}
      {open?.what === 'scope' && <EffectiveScopeDrawer user={open.user} onClose={close} />}
    </div>
  );
}

interface ListProps {
  readonly onOpen: (open: Open) => void;
}

function Everybody({ onOpen }: ListProps) {
  const { query } = usePlace();
  const search = query.get('q') ?? '';
  const state = USER_STATES.find((one) => one === query.get('state'));
  const people = usePeople({ search: useSettled(search.trim()), state });
  const users = people.data?.pages.flatMap(({ items }) => items) ?? [];
  const isFiltered = search !== '' || state !== undefined;
  return (
    <>
      <div className="row toolbar">
        <input
          type="search"
          className="toolbar-search"
          aria-label={t('users.search')}
          placeholder={t('users.search')}
          value={search}
          onChange={(event) => setQuery({ q: event.target.value })}
        />
        <select
          className="toolbar-select"
          aria-label={t('users.state')}
          value={state ?? ''}
          onChange={(event) => setQuery({ state: event.target.value })}
        >
          <option value="">{t('users.state.any')}</option>
          {USER_STATES.map((one) => (
            <option key={one} value={one}>
              {t(`users.state.${one}`)}
            </option>
          ))}
        </select>
      </div>
      {people.isPending ? (
        <Loading rows={8} />
      ) : people.isError && users.length === 0 ? (
        <Failed error={people.error} onRetry={() => void people.refetch()} />
      ) : users.length === 0 ? (
        <NoUsers isFiltered={isFiltered} />
      ) : (
        <div aria-busy={people.isPlaceholderData}>
          <UserTable users={users} search={search.trim()} onOpen={onOpen} />
        </div>
      )}
      {people.hasNextPage && (
        <button
          type="button"
          className="button"
          disabled={people.isFetchingNextPage}
          onClick={() => void people.fetchNextPage()}
        >
          {t('common.loadMore')}
        </button>
      )}
    </>
  );
}

function NoUsers({ isFiltered }: { isFiltered: boolean }) {
  if (!isFiltered) {
    return (
      <State icon="users" title={t('users.empty')}>
        <p>{t('users.empty.detail')}</p>
      </State>
    );
  }
  const clear = (
    <button type="button" className="button" onClick={() => setQuery({ q: undefined, state: undefined })}>
      {t('common.clearFilters')}
    </button>
  );
  return (
    <State icon="search" title={t('users.none')} action={clear}>
      <p>{t('users.none.detail')}</p>
    </State>
  );
}

function OneUser({ userId, onOpen }: ListProps & { userId: string }) {
  const person = usePerson(userId);
  return (
    <>
      <div className="row">
        <span className="quiet">{t('users.one')}</span>
        <button type="button" className="button button-small" onClick={() => setQuery({ user: undefined })}>
          {t('users.one.clear')}
        </button>
      </div>
      {person.isPending && <Loading rows={1} />}
      {person.isError && <Failed error={person.error} onRetry={() => void person.refetch()} />}
      {person.data !== undefined && <UserTable users={[person.data]} search="" onOpen={onOpen} />}
    </>
  );
}

function UserTable({ users, search, onOpen }: ListProps & { users: readonly User[]; search: string }) {
  return (
    <div className="table-frame">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">{t('users.name')}</th>
            <th scope="col">{t('users.roles')}</th>
            <th scope="col">{t('users.state')}</th>
            <th scope="col">{t('users.lastSignIn')}</th>
            <th scope="col">
              <span className="unseen">{t('users.actions')}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {users.map((user) => (
            <UserRow key={user.id} user={user} search={search} onOpen={onOpen} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function UserRow({ user, search, onOpen }: ListProps & { user: User; search: string }) {
  const name = nameOf(user);
  return (
    <tr>
      <th scope="row">
        <strong>
          <Highlight text={name} search={search} />
        </strong>
        <div className="small quiet">
          <Highlight text={user.email} search={search} />
        </div>
      </th>
      <td>
        <div className="chips">
          {user.roleNames.length === 0 && <span className="quiet small">{t('users.roles.none')}</span>}
          {user.roleNames.map((role) => (
            <span key={role} className="chip">
              {role}
            </span>
          ))}
        </div>
      </td>
      <td>
        <StateBadges user={user} />
      </td>
      <td className="small">
        {user.lastSignInAt === null ? (
          <span className="quiet">{t('common.never')}</span>
        ) : (
          <When at={user.lastSignInAt} />
        )}
      </td>
      <td>
        <div className="table-actions">
          <button
            type="button"
            className="button button-small"
            aria-label={t('users.roles.of', { name })}
            onClick={() => onOpen({ what: 'roles', user })}
          >
            {t('users.roles')}
          </button>
          <button
            type="button"
            className="button-icon"
            title={t('scope.title')}
            aria-label={t('users.scope.of', { name })}
            onClick={() => onOpen({ what: 'scope', user })}
          >
            <Icon name="shield" />
          </button>
          <UserMenu user={user} />
        </div>
      </td>
    </tr>
  );
}

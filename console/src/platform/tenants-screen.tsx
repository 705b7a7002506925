/**
 * `/admin/tenants`: every tenant, its status, and the way into it.
 */
import { useState } from 'react';

import type { Tenant, TenantStatus } from '../../../src/contract/api.js';
import { Icon } from '../parts/icon.js';
import { Menu } from '../parts/menu.js';
import { useSettled } from '../parts/settled.js';
import { Failed, Highlight, Loading, State } from '../parts/states.js';
import { setQuery, usePlace } from '../router.js';
import { When } from '../text/dates.js';
import { t } from '../text/text.js';
import { SwitchDialog } from './switch-dialog.js';
import { TenantDialogs, type TenantTask } from './tenant-dialogs.js';
import { TENANT_STATUSES, useTenants } from './tenants.js';

export function TenantsScreen() {
  const { query } = usePlace();
  const [task, setTask] = useState<TenantTask>();
  const [entering, setEntering] = useState<Tenant>();
  const search = query.get('q') ?? '';
  const status = TENANT_STATUSES.find((one) => one === query.get('status'));
  const tenants = useTenants({ search: useSettled(search.trim()), status });
  const items = tenants.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className="stack">
      <div className="row">
        <h1 className="grow">{t('tenants.title')}</h1>
        <button type="button" className="button button-main" onClick={() => setTask({ kind: 'create' })}>
          <Icon name="plus" size={16} /> {t('tenants.new')}
        </button>
      </div>
      <div className="row toolbar">
        <input
          type="search"
          className="toolbar-search"
          aria-label={t('tenants.search')}
          placeholder={t('tenants.search')}
          value={search}
          onChange={(event) => setQuery({ q: event.target.value })}
        />
        <select
          className="toolbar-select"
          aria-label={t('tenants.status')}
          value={status ?? ''}
          onChange={(event) => setQuery({ status: event.target.value })}
        >
          <option value="">{t('tenants.status.any')}</option>
          {TENANT_STATUSES.map((one) => (
            <option key={one} value={one}>
              {t(`tenants.status.${one}`)}
            </option>
          ))}
        </select>
      </div>
      {tenants.isPending && <Loading />}
      {tenants.isError && <Failed error={tenants.error} onRetry={() => void tenants.refetch()} />}
      {tenants.data !== undefined && items.length === 0 && (
        <State icon="search" title={t('tenants.none')}>
          <p>{t('tenants.none.detail')}</p>
        </State>
      )}
      {items.length > 0 && <TenantTable items={items} search={search.trim()} onTask={setTask} onEnter={setEntering} />}
      {tenants.hasNextPage && (
        <button type="button" className="button" onClick={() => void tenants.fetchNextPage()}>
          {t('common.loadMore')}
        </button>
      )}
      {task !== undefined && <TenantDialogs task={task} onClose={() => setTask(undefined)} />}
      {entering !== undefined && <SwitchDialog tenant={entering} onClose={() => setEntering(undefined)} />}
    </div>
  );
}

interface RowActions {
  readonly onTask: (task: TenantTask) => void;
  readonly onEnter: (tenant: Tenant) => void;
}

function TenantTable({ items, search, ...actions }: RowActions & { items: readonly Tenant[]; search: string }) {
  return (
    <div className="table-frame">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">{t('tenants.name')}</th>
            <th scope="col">{t('tenants.preset')}</th>
            <th scope="col">{t('tenants.status')}</th>
            <th scope="col">{t('tenants.created')}</th>
            <th scope="col">
              <span className="unseen">{t('tenants.actions')}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((tenant) => (
            <TenantRow key={tenant.id} tenant={tenant} search={search} {...actions} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

const STATUS_CLASS: Readonly<Record<TenantStatus, string>> = {
  active: 'chip-good',
  read_only: 'chip-warn',
  suspended: 'chip-bad',
};

function TenantRow({ tenant, search, onTask, onEnter }: RowActions & { tenant: Tenant; search: string }) {
  const others = TENANT_STATUSES.filter((one) => one !== tenant.status);
  return (
    <tr>
      <th scope="row">
        <strong>
          <Highlight text={tenant.name} search={search} />
        </strong>
        <div className="small quiet mono">
          <Highlight text={tenant.slug} search={search} />
        </div>
      </th>
      <td>{tenant.preset}</td>
      <td>
        <span className={`chip ${STATUS_CLASS[tenant.status]}`}>{t(`tenants.status.${tenant.status}`)}</span>
      </td>
      <td className="small">
        <When at={tenant.createdAt} />
      </td>
      <td>
        <div className="table-actions">
          <button
            type="button"
            className="button button-small"
            aria-label={t('tenants.switch.of', { name: tenant.name })}
            onClick={() => onEnter(tenant)}
          >
            {t('tenants.switch')}
          </button>
          <Menu label={t('tenants.more.of', { name: tenant.name })} face={<Icon name="more" />} className="button-icon">
            {(close) => {
              const item = (text: string, task: TenantTask) => (
                <button
                  key={text}
                  type="button"
                  onClick={() => {
                    close();
                    onTask(task);
                  }}
                >
                  {text}
                </button>
              );
              return (
                <>
                  {item(t('tenants.rename'), { kind: 'rename', tenant })}
                  {others.map((status) =>
                    item(t('tenants.setStatus', { status: t(`tenants.status.${status}`).toLowerCase() }), {
                      kind: 'status',
                      tenant,
                      status,
                    }),
                  )}
                  {item(t(tenant.showOneTimePasswords ? 'tenants.otp.hide' : 'tenants.otp.show'), {
                    kind: 'passwords',
                    tenant,
                  })}
                </>
              );
            }}
          </Menu>
        </div>
      </td>
    </tr>
  );
}

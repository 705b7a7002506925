/**
 * A role or a team handed on for a time: the list with what can be taken back, and the dialog in which one hands on.
 * Who may not see people types an id instead of choosing a name.
 */
import { useState } from 'react';

import type { Delegation } from '../../../src/contract/api.js';
import { call } from '../api/client.js';
import { useMay, useMe } from '../api/me.js';
import { Field, TextArea } from '../parts/field.js';
import { FormDialog } from '../parts/form-dialog.js';
import { Icon } from '../parts/icon.js';
import { Refusal } from '../parts/states.js';
import { useToasts } from '../parts/toasts.js';
import { useWork } from '../parts/work.js';
import { fromLocalField, When } from '../text/dates.js';
import { t } from '../text/text.js';
import { useNames, usePages, useRefreshRequests } from './data.js';
import { List, PersonChoice, RoleChoice, Status } from './parts.js';
import { useSettle } from './settle.js';
import { StatusFilter, useStatus } from './status-filter.js';

const STATUSES = ['active', 'ended', 'expired'] as const;

export function Delegations({ isAll }: { isAll: boolean }) {
  const status = useStatus(STATUSES);
  const pages = usePages(['delegations', isAll, status], (place, signal) => {
    const query = { ...place, ...(status === undefined ? {} : { status }) };
    return call(isAll ? 'listDelegations' : 'listMyDelegations', { query }, { signal });
  });
  const [isMaking, setMaking] = useState(false);
  const items = pages.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <>
      <div className="row toolbar">
        <StatusFilter of={STATUSES} />
        <span className="grow" />
        <button type="button" className="button button-main" onClick={() => setMaking(true)}>
          <Icon name="plus" size={16} /> {t('requests.delegate')}
        </button>
      </div>
      <List
        pages={pages}
        count={items.length}
        heads={['requests.who', 'requests.what', 'requests.why', 'requests.status', 'requests.actions']}
        none={{ title: 'requests.none', detail: 'requests.none.delegations' }}
      >
        {items.map((item) => (
          <Row key={item.id} item={item} />
        ))}
      </List>
      {isMaking && <DelegateDialog onClose={() => setMaking(false)} />}
    </>
  );
}

function Row({ item }: { item: Delegation }) {
  const { nameOf } = useNames();
  const mayEnd = useMay('users.update');
  const isMine = useMe().data?.userId === item.delegatorUserId;
  const settle = useSettle();
  const path = { id: item.id };
  const end = () => (isMine ? call('endMyDelegation', { path }) : call('endDelegation', { path }));
  return (
    <tr>
      <th scope="row">
        {t('requests.delegation.from', { from: nameOf(item.delegatorUserId), to: nameOf(item.delegateUserId) })}
      </th>
      <td>
        {item.roleName !== null && <span className="mono">{item.roleName}</span>}
        {item.team && <div>{t('requests.delegation.team', { count: item.teamSize })}</div>}
      </td>
      <td>{item.reason}</td>
      <td>
        <Status status={item.status} />
        <div className="small quiet">
          <When at={item.endedAt ?? item.expiresAt} />
        </div>
      </td>
      <td>
        <div className="table-actions">
          {item.status === 'active' && (isMine || mayEnd) && (
            <button
              type="button"
              className="button button-small"
              onClick={() => settle(end, t('requests.delegation.ended'))}
            >
              {t('requests.delegation.end')}
            </button>
          )}
        </div>
      </td>
    </tr>
  );
}

function DelegateDialog({ onClose }: { onClose: () => void }) {
  const me = useMe().data?.userId;
  const { people } = useNames();
  const [delegateUserId, setDelegate] = useState('');
  const [roleId, setRoleId] = useState('');
  const [team, setTeam] = useState(false);
  const [until, setUntil] = useState('');
  const [reason, setReason] = useState('');
  const toasts = useToasts();
  const refresh = useRefreshRequests();
  const { isBusy, error, run } = useWork();
  const submit = (): void => {
    if (delegateUserId === '' || until === '' || reason.trim() === '') return;
    run(async () => {
      const what = { team, ...(roleId === '' ? {} : { roleId }) };
      const body = { delegateUserId, ...what, expiresAt: fromLocalField(until), reason };
      toasts.saved(await call('createDelegation', { body }), { what: t('requests.delegated') });
      await refresh();
      onClose();
    });
  };
  const others = new Map([...people].filter(([id]) => id !== me));
  return (
    <FormDialog
      title={t('requests.delegate.title')}
      save={t('requests.delegate.save')}
      {...{ isBusy, submit, onClose }}
    >
      {error !== undefined && <Refusal error={error} />}
      <p>{t('requests.delegate.detail')}</p>
      <PersonChoice label={t('requests.delegate.to')} people={others} value={delegateUserId} onChange={setDelegate} />
      <RoleChoice value={roleId} onChange={setRoleId} none={t('requests.delegate.noRole')} own />
      <label className="check-line">
        <input type="checkbox" checked={team} onChange={(event) => setTeam(event.target.checked)} />
        {t('requests.delegate.team')}
      </label>
      <Field label={t('requests.delegate.until')} type="datetime-local" required value={until} onChange={setUntil} />
      <TextArea label={t('requests.reason')} maxLength={500} value={reason} onChange={setReason} />
    </FormDialog>
  );
}

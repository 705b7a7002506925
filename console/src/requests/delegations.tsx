/**
 * A role or a team handed on for a time: the list with what can be taken back, and the dialog in which one hands on to
 * somebody of the tenant.
 */
import { useState } from 'react';

import type { Delegation } from '../../../src/contract/api.js';
import { call } from '../api/client.js';
import { useMay, useMe } from '../api/me.js';
import { Field, TextArea } from '../parts/field.js';
import { FormDialog } from '../parts/form-dialog.js';
import { Refusal } from '../parts/states.js';
import { fromLocalField, When } from '../text/dates.js';
import { t } from '../text/text.js';
import { PersonChoice, RoleChoice } from './choices.js';
import { useNames, usePages } from './data.js';
import { Status } from './parts.js';
import { RequestList } from './request-list.js';
import { useSettle, useSubmit } from './settle.js';
import { StatusFilter, useStatus } from './status-filter.js';

const STATUSES = ['active', 'ended', 'expired'] as const;

export function Delegations({ isAll }: { isAll: boolean }) {
  const status = useStatus(STATUSES);
  const pages = usePages(['delegations', isAll, status], (place, signal) => {
    const query = { ...place, ...(status === undefined ? {} : { status }) };
    return call(isAll ? 'listDelegations' : 'listMyDelegations', { query }, { signal });
  });
  return (
    <RequestList
      pages={pages}
      row={(item) => <Row key={item.id} item={item} />}
      none="requests.none.delegations"
      filter={<StatusFilter of={STATUSES} />}
      action={{ label: 'requests.delegate', icon: 'plus', className: 'button-main' }}
      dialog={(close) => <DelegateDialog onClose={close} />}
    />
  );
}

function Row({ item }: { item: Delegation }) {
  const { nameOf } = useNames();
  const mayEnd = useMay('users.update');
  const isMine = useMe().data?.userId === item.delegatorUserId;
  const { isBusy, press } = useSettle();
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
              disabled={isBusy}
              onClick={press(end, t('requests.delegation.ended'))}
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
  const [delegateUserId, setDelegate] = useState('');
  const [roleId, setRoleId] = useState('');
  const [team, setTeam] = useState(false);
  const [until, setUntil] = useState('');
  const [reason, setReason] = useState('');
  const { isBusy, error, send } = useSubmit(onClose);
  const submit = (): void => {
    if (delegateUserId === '' || until === '' || reason.trim() === '') return;
    const what = { team, ...(roleId === '' ? {} : { roleId }) };
    const body = { delegateUserId, ...what, expiresAt: fromLocalField(until), reason };
    send(() => call('createDelegation', { body }), t('requests.delegated'));
  };
  return (
    <FormDialog
      title={t('requests.delegate.title')}
      save={t('requests.delegate.save')}
      {...{ isBusy, submit, onClose }}
    >
      {error !== undefined && <Refusal error={error} />}
      <p>{t('requests.delegate.detail')}</p>
      <PersonChoice label={t('requests.delegate.to')} value={delegateUserId} onChange={setDelegate} />
      <RoleChoice offeredFor="delegation" none={t('requests.delegate.noRole')} value={roleId} onChange={setRoleId} />
      <label className="check-line">
        <input type="checkbox" checked={team} onChange={(event) => setTeam(event.target.checked)} />
        {t('requests.delegate.team')}
      </label>
      <Field label={t('requests.delegate.until')} type="datetime-local" required value={until} onChange={setUntil} />
      <TextArea label={t('requests.reason')} required maxLength={500} value={reason} onChange={setReason} />
    </FormDialog>
  );
}

/** The beginning and the end of a review. */
import { useState } from 'react';

import type { Review } from '../../../src/contract/api.js';
import { call } from '../api/client.js';
import { Field, SelectField } from '../parts/field.js';
import { FormDialog } from '../parts/form-dialog.js';
import { Refusal } from '../parts/states.js';
import { useRoles } from '../rbac/data.js';
import { PLATFORM_ROLE_ID } from '../rbac/lock.js';
import { setQuery } from '../router.js';
import { t } from '../text/text.js';
import { useSubmit } from './settle.js';

export function StartDialog({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('');
  const [roleId, setRoleId] = useState('');
  const [days, setDays] = useState('90');
  const { isBusy, error, send } = useSubmit(onClose);
  const roles = (useRoles().data ?? []).filter(({ id }) => id !== PLATFORM_ROLE_ID);
  const named = roles.map(({ id, roleName }) => ({ value: id, label: roleName }));
  const options = [{ value: '', label: t('reviews.of.all') }, ...named];
  const submit = (): void => {
    const body = { name, unusedDays: Number(days), ...(roleId === '' ? {} : { roleId }) };
    send(
      () => call('startReview', { body }),
      t('reviews.started', { name }),
      ({ review }) => setQuery({ review: review.id }),
    );
  };
  return (
    <FormDialog title={t('reviews.new.title')} save={t('reviews.start')} {...{ isBusy, submit, onClose }}>
      {error !== undefined && <Refusal error={error} />}
      <Field label={t('reviews.name')} required maxLength={200} value={name} onChange={setName} />
      <SelectField label={t('requests.role')} options={options} value={roleId} onChange={setRoleId} />
      <Field label={t('reviews.unusedDays')} type="number" min={1} max={365} required value={days} onChange={setDays} />
    </FormDialog>
  );
}

export function CloseDialog({ review: { id, name, undecided }, onClose }: { review: Review; onClose: () => void }) {
  const { isBusy, error, send } = useSubmit(onClose);
  const submit = (): void => send(() => call('closeReview', { path: { id } }), t('reviews.closedNow', { name }));
  return (
    <FormDialog title={t('reviews.close.title', { name })} save={t('reviews.close')} {...{ isBusy, submit, onClose }}>
      {error !== undefined && <Refusal error={error} />}
      <p>{t('reviews.close.detail', { count: undecided })}</p>
    </FormDialog>
  );
}

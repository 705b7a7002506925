/** The beginning and the end of a review. */
import { useState } from 'react';

import type { Review } from '../../../src/contract/api.js';
import { call } from '../api/client.js';
import { Field } from '../parts/field.js';
import { FormDialog } from '../parts/form-dialog.js';
import { Refusal } from '../parts/states.js';
import { useToasts } from '../parts/toasts.js';
import { useWork } from '../parts/work.js';
import { setQuery } from '../router.js';
import { t } from '../text/text.js';
import { useRefreshRequests } from './data.js';
import { RoleChoice } from './parts.js';

export function StartDialog({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('');
  const [roleId, setRoleId] = useState('');
  const [days, setDays] = useState('90');
  const toasts = useToasts();
  const refresh = useRefreshRequests();
  const { isBusy, error, run } = useWork();
  const submit = (): void =>
    run(async () => {
      const body = { name, unusedDays: Number(days), ...(roleId === '' ? {} : { roleId }) };
      const receipt = await call('startReview', { body });
      toasts.saved(receipt, { what: t('reviews.started', { name }) });
      await refresh();
      onClose();
      setQuery({ review: receipt.review.id });
    });
  return (
    <FormDialog title={t('reviews.new.title')} save={t('reviews.start')} {...{ isBusy, submit, onClose }}>
      {error !== undefined && <Refusal error={error} />}
      <Field label={t('reviews.name')} required maxLength={200} value={name} onChange={setName} />
      <RoleChoice value={roleId} onChange={setRoleId} none={t('reviews.of.all')} />
      <Field label={t('reviews.unusedDays')} type="number" min={1} max={365} required value={days} onChange={setDays} />
    </FormDialog>
  );
}

export function CloseDialog({ review: { id, name, undecided }, onClose }: { review: Review; onClose: () => void }) {
  const toasts = useToasts();
  const refresh = useRefreshRequests();
  const { isBusy, error, run } = useWork();
  const submit = (): void =>
    run(async () => {
      toasts.saved(await call('closeReview', { path: { id } }), { what: t('reviews.closedNow', { name }) });
      await refresh();
      onClose();
    });
  return (
    <FormDialog title={t('reviews.close.title', { name })} save={t('reviews.close')} {...{ isBusy, submit, onClose }}>
      {error !== undefined && <Refusal error={error} />}
      <p>{t('reviews.close.detail', { count: undecided })}</p>
    </FormDialog>
  );
}

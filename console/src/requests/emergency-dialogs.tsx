/**
 * Taking a role in an emergency, and the verdict on it. The first says what it sets off before it is done; the second
 * shows the reason and the ticket that were given.
 */
import { useState } from 'react';

import type { EmergencyAccess } from '../../../src/contract/api.js';
import { call } from '../api/client.js';
import { Field, SelectField, TextArea } from '../parts/field.js';
import { FormDialog } from '../parts/form-dialog.js';
import { Notice, Refusal } from '../parts/states.js';
import { t } from '../text/text.js';
import { RoleChoice } from './choices.js';
import { useNames } from './data.js';
import { useSubmit } from './settle.js';

export function TakeDialog({ onClose }: { onClose: () => void }) {
  const [roleId, setRoleId] = useState('');
  const [reason, setReason] = useState('');
  const [ticket, setTicket] = useState('');
  const { isBusy, error, send } = useSubmit(onClose);
  const submit = (): void => {
    if (roleId === '' || reason.trim() === '') return;
    send(() => call('takeEmergencyAccess', { body: { roleId, reason, ticket } }), t('requests.emergency.taken'));
  };
  return (
    <FormDialog
      title={t('requests.emergency.title')}
      save={t('requests.emergency.save')}
      {...{ isBusy, submit, onClose }}
    >
      {error !== undefined && <Refusal error={error} />}
      <Notice kind="warn">{t('requests.emergency.detail')}</Notice>
      <RoleChoice offeredFor="emergency" value={roleId} onChange={setRoleId} />
      <TextArea label={t('requests.reason')} required maxLength={500} value={reason} onChange={setReason} />
      <Field label={t('requests.ticket')} required value={ticket} onChange={setTicket} />
    </FormDialog>
  );
}

const VERDICTS = ['justified', 'unjustified'] as const;

export function VerdictDialog({ item, onClose }: { item: EmergencyAccess; onClose: () => void }) {
  const { nameOf } = useNames();
  const [verdict, setVerdict] = useState<(typeof VERDICTS)[number]>();
  const [comment, setComment] = useState('');
  const { isBusy, error, send } = useSubmit(onClose);
  const submit = (): void => {
    if (verdict === undefined) return;
    const body = { verdict, ...(comment.trim() === '' ? {} : { comment }) };
    send(() => call('reviewEmergencyAccess', { path: { id: item.id }, body }), t('requests.emergency.reviewed'));
  };
  const { roleName: role, reason, ticket } = item;
  return (
    <FormDialog title={t('requests.emergency.review.title')} save={t('common.save')} {...{ isBusy, submit, onClose }}>
      {error !== undefined && <Refusal error={error} />}
      <p>{t('requests.emergency.review.detail', { name: nameOf(item.userId), role, reason, ticket })}</p>
      <SelectField
        label={t('requests.emergency.verdict')}
        options={[
          { value: '', label: t('requests.choose') },
          ...VERDICTS.map((one) => ({ value: one, label: t(`requests.emergency.${one}`) })),
        ]}
        value={verdict ?? ''}
        onChange={(value) => setVerdict(VERDICTS.find((one) => one === value))}
      />
      <TextArea
        label={t('requests.emergency.comment')}
        hint={t('common.optional')}
        maxLength={500}
        value={comment}
        onChange={setComment}
      />
    </FormDialog>
  );
}

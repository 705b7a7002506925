/**
 * Asking for a role, and answering for it. Both stand in the audit log with the reason that is given here; whoever
 * answers reads the asker's reason before they do.
 */
import { useState } from 'react';

import type { Elevation } from '../../../src/contract/api.js';
import { call } from '../api/client.js';
import { Field, TextArea } from '../parts/field.js';
import { FormDialog } from '../parts/form-dialog.js';
import { Notice, Refusal } from '../parts/states.js';
import { t } from '../text/text.js';
import { RoleChoice } from './choices.js';
import { durationOf } from './parts.js';
import { useSubmit } from './settle.js';

export function AskDialog({ onClose }: { onClose: () => void }) {
  const [roleId, setRoleId] = useState('');
  const [minutes, setMinutes] = useState('60');
  const [reason, setReason] = useState('');
  const [ticket, setTicket] = useState('');
  const { isBusy, error, send } = useSubmit(onClose);
  const submit = (): void => {
    if (roleId === '' || reason.trim() === '') return;
    const body = { roleId, durationMinutes: Number(minutes), reason, ...(ticket === '' ? {} : { ticket }) };
    send(() => call('requestElevation', { body }), t('requests.asked'));
  };
  return (
    <FormDialog title={t('requests.ask.title')} save={t('requests.ask.save')} {...{ isBusy, submit, onClose }}>
      {error !== undefined && <Refusal error={error} />}
      <RoleChoice offeredFor="elevation" value={roleId} onChange={setRoleId} />
      <Field
        label={t('requests.ask.minutes')}
        hint={t('requests.ask.minutes.hint')}
        type="number"
        min={1}
        max={10080}
        required
        value={minutes}
        onChange={setMinutes}
      />
      <TextArea
        label={t('requests.reason')}
        hint={t('requests.reason.hint')}
        required
        maxLength={500}
        value={reason}
        onChange={setReason}
      />
      <Field label={t('requests.ticket')} hint={t('common.optional')} value={ticket} onChange={setTicket} />
    </FormDialog>
  );
}

export interface Answer {
  readonly kind: 'approve' | 'deny';
  readonly item: Elevation;
  readonly name: string;
}

export function AnswerDialog({ answer: { kind, item, name }, onClose }: { answer: Answer; onClose: () => void }) {
  const [reason, setReason] = useState('');
  const { isBusy, error, send } = useSubmit(onClose);
  const said = { name, role: item.roleName, duration: durationOf(item.durationMinutes) };
  const submit = (): void => {
    const input = { path: { id: item.id }, body: reason.trim() === '' ? {} : { reason } };
    const id = kind === 'approve' ? 'approveElevation' : 'denyElevation';
    send(() => call(id, input), t(kind === 'approve' ? 'requests.approved' : 'requests.denied', said));
  };
  return (
    <FormDialog title={t(`requests.${kind}.title`, said)} save={t(`requests.${kind}`)} {...{ isBusy, submit, onClose }}>
      {error !== undefined && <Refusal error={error} />}
      <Notice>{t('requests.askedFor', { name, reason: item.reason })}</Notice>
      {kind === 'approve' && <p>{t('requests.approve.detail', said)}</p>}
      <TextArea
        label={t('requests.reason')}
        hint={t('common.optional')}
        maxLength={500}
        value={reason}
        onChange={setReason}
      />
    </FormDialog>
  );
}

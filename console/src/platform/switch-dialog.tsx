/**
 * Into a tenant, as the seeds walk through it: the modal says that every action is audited under the platform user id, and
 * asks why. The token of the impersonation lies beside the person's own, which comes back when it ends. One that is active
 * elsewhere, or was left behind by a tab that closed, is named by the refusal and stopped from here.
 */
import { useState } from 'react';

import type { Tenant } from '../../../src/contract/api.js';
import { call } from '../api/client.js';
import { useMe } from '../api/me.js';
import { asProblem } from '../api/problem.js';
import { changeSession } from '../api/session.js';
import { Field, TextArea } from '../parts/field.js';
import { FormDialog } from '../parts/form-dialog.js';
import { Notice, Refusal } from '../parts/states.js';
import { useWork } from '../parts/work.js';
import { navigate } from '../router.js';
import { t } from '../text/text.js';

const REASON_MIN = 10;

export function SwitchDialog({ tenant, onClose }: { tenant: Tenant; onClose: () => void }) {
  const me = useMe();
  const [reason, setReason] = useState('');
  const [ticket, setTicket] = useState('');
  const [emergency, setEmergency] = useState(false);
  const { isBusy, error, run } = useWork();
  const active = error === undefined ? undefined : asProblem(error).body.impersonation;
  const isShort = reason.trim().length < REASON_MIN;
  const submit = (): void => {
    if (isShort) return;
    run(async () => {
      const body = { reason: reason.trim(), ...(ticket.trim() === '' ? {} : { ticket: ticket.trim() }), emergency };
      const { accessToken, expiresAt, impersonationId } = await call('startImpersonation', {
        path: { id: tenant.id },
        body,
      });
      if (accessToken === null) throw new Error('no token is issued here');
      const acting = {
        accessToken,
        expiresAt: Date.parse(expiresAt),
        impersonationId,
        tenantId: tenant.id,
        tenantName: tenant.name,
        reason: body.reason,
      };
      changeSession({ acting });
      await navigate('/admin/users');
    });
  };
  const stop = (tenantId: string): void =>
    run(async () => {
      await call('endImpersonation', { path: { id: tenantId } });
    });
  return (
    <FormDialog
      title={t('switch.title', { name: tenant.name })}
      save={t('switch.save')}
      {...{ isBusy, submit, onClose }}
    >
      {error !== undefined && <Refusal error={error} />}
      {active !== undefined && (
        <button type="button" className="button" disabled={isBusy} onClick={() => stop(active.tenantId)}>
          {t('switch.stop', { tenant: active.tenantName })}
        </button>
      )}
      <Notice kind="warn">
        <p>{t('switch.text', { user: me.data?.userId ?? '' })}</p>
      </Notice>
      <p className="quiet">{t('switch.end')}</p>
      <TextArea
        label={t('switch.reason')}
        hint={t('switch.reason.hint')}
        fault={reason !== '' && isShort ? t('switch.reason.short') : undefined}
        maxLength={1000}
        value={reason}
        onChange={setReason}
      />
      <Field
        label={t('switch.ticket')}
        hint={emergency ? t('switch.ticket.needed') : undefined}
        required={emergency}
        maxLength={200}
        value={ticket}
        onChange={setTicket}
      />
      <label className="check-line">
        <input type="checkbox" checked={emergency} onChange={(event) => setEmergency(event.target.checked)} />
        {t('switch.emergency')}
      </label>
    </FormDialog>
  );
}

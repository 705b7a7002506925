/**
 * Adding a user, as the seeds walk through it: e-mail, name, role; then the one-time password, once.
 */
import { useState } from 'react';

import { call } from '../api/client.js';
import { asProblem } from '../api/problem.js';
import { Field } from '../parts/field.js';
import { FormDialog } from '../parts/form-dialog.js';
import { Loading, Refusal } from '../parts/states.js';
import { useToasts } from '../parts/toasts.js';
import { useWork } from '../parts/work.js';
import { useRoles } from '../rbac/data.js';
import { PLATFORM_ROLE_ID } from '../rbac/lock.js';
import { t } from '../text/text.js';
import { type OneTimePassword, OneTimePasswordDialog } from './one-time-password-dialog.js';
import { useRefreshPeople } from './people.js';

export function AddUserDialog({ onClose }: { onClose: () => void }) {
  const [email, setEmail] = useState('');
  const [displayName, setDisplayName] = useState('');
  const [roleIds, setRoleIds] = useState<readonly string[]>([]);
  const [given, setGiven] = useState<OneTimePassword>();
  const refresh = useRefreshPeople();
  const toasts = useToasts();
  const { isBusy, error, run } = useWork();
  const submit = (): void =>
    run(async () => {
      const body = { email, displayName, roleIds: [...roleIds] };
      const { oneTimePassword: password, mail, user, ...receipt } = await call('createUser', { body });
      setGiven({ name: user.displayName, password, mail });
      toasts.saved(receipt, { what: t('users.added', { name: user.displayName }) });
      await refresh();
    });
  if (given !== undefined) return <OneTimePasswordDialog given={given} onClose={onClose} />;
  const isTaken = error !== undefined && asProblem(error).code === 'EMAIL_TAKEN';
  return (
    <FormDialog title={t('users.create.title')} save={t('users.create.save')} {...{ isBusy, submit, onClose }}>
      {error !== undefined && !isTaken && <Refusal error={error} />}
      <Field
        label={t('users.create.email')}
        type="email"
        required
        autoComplete="off"
        fault={isTaken ? t('error.EMAIL_TAKEN') : undefined}
        value={email}
        onChange={setEmail}
      />
      <Field
        label={t('users.create.name')}
        required
        maxLength={200}
        autoComplete="off"
        value={displayName}
        onChange={setDisplayName}
      />
      <RoleChoice chosen={roleIds} onChange={setRoleIds} />
      <label className="check-line">
        <input type="checkbox" checked disabled />
        <span>
          {t('users.create.force')}
          <span className="small quiet block">{t('users.create.force.hint')}</span>
        </span>
      </label>
    </FormDialog>
  );
}

function RoleChoice({
  chosen,
  onChange,
}: {
  chosen: readonly string[];
  onChange: (roleIds: readonly string[]) => void;
}) {
  const roles = useRoles();
  return (
    <fieldset className="choice">
      <legend>{t('users.create.roles')}</legend>
      <p className="field-hint">{t('users.create.roles.hint')}</p>
      {roles.isPending && <Loading rows={2} />}
      <div className="choice-list">
        {(roles.data ?? [])
          .filter(({ id }) => id !== PLATFORM_ROLE_ID)
          .map(({ id, roleName, description }, index) => (
            <label key={id} className="check-line">
              <input
                type="checkbox"
                checked={chosen.includes(id)}
                required={index === 0 && chosen.length === 0}
                onChange={(event) =>
                  onChange(event.target.checked ? [...chosen, id] : chosen.filter((one) => one !== id))
                }
              />
              <span>
                {roleName}
                <span className="small quiet block">{description}</span>
              </span>
            </label>
          ))}
      </div>
    </fieldset>
  );
}

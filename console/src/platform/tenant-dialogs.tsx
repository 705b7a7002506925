/**
 * What is done to a tenant: create, rename, change its status, and whether its administrators are shown one-time passwords.
 */
import { useState } from 'react';

import type { PresetName, Tenant, TenantStatus } from '../../../src/contract/api.js';
import { call } from '../api/client.js';
import { Field, SelectField } from '../parts/field.js';
import { FormDialog } from '../parts/form-dialog.js';
import { Refusal } from '../parts/states.js';
import { useToasts } from '../parts/toasts.js';
import { useWork } from '../parts/work.js';
import { t } from '../text/text.js';
import { useRefreshTenants } from './tenants.js';

export type TenantTask =
  | { readonly kind: 'create' }
  | { readonly kind: 'rename' | 'passwords'; readonly tenant: Tenant }
  | { readonly kind: 'status'; readonly tenant: Tenant; readonly status: TenantStatus };

export function TenantDialogs({ task, onClose }: { task: TenantTask; onClose: () => void }) {
  switch (task.kind) {
    case 'create':
      return <CreateDialog onClose={onClose} />;
    case 'rename':
      return <RenameDialog tenant={task.tenant} onClose={onClose} />;
    case 'status':
      return <StatusDialog tenant={task.tenant} status={task.status} onClose={onClose} />;
    case 'passwords':
      return <PasswordsDialog tenant={task.tenant} onClose={onClose} />;
  }
}

const PRESETS: readonly PresetName[] = ['rcm', 'emr', 'sales'];
const SLUG = '[a-z0-9]([a-z0-9\\-]{0,61}[a-z0-9])?';

function CreateDialog({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('');
  const [slug, setSlug] = useState('');
  const [preset, setPreset] = useState<PresetName>('rcm');
  const refresh = useRefreshTenants();
  const toasts = useToasts();
  const { isBusy, error, run } = useWork();
  const submit = (): void =>
    run(async () => {
      const receipt = await call('createTenant', { body: { name, slug, preset } });
      toasts.saved(receipt, { what: t('tenants.createdNow', { name }) });
      await refresh();
      onClose();
    });
  return (
    <FormDialog title={t('tenants.create.title')} save={t('tenants.create.save')} {...{ isBusy, submit, onClose }}>
      {error !== undefined && <Refusal error={error} />}
      <Field label={t('tenants.name')} required maxLength={200} value={name} onChange={setName} />
      <Field
        label={t('tenants.slug')}
        hint={t('tenants.slug.hint')}
        required
        pattern={SLUG}
        spellCheck={false}
        value={slug}
        onChange={setSlug}
      />
      <SelectField
        label={t('tenants.preset')}
        options={PRESETS.map((one) => ({ value: one, label: t(`tenants.preset.${one}`) }))}
        value={preset}
        onChange={(value) => setPreset(PRESETS.find((one) => one === value) ?? 'rcm')}
      />
    </FormDialog>
  );
}

interface OneProps {
  readonly tenant: Tenant;
  readonly onClose: () => void;
}

type Change = Parameters<typeof call<'updateTenant'>>[1]['body'];

/** The change of a tenant, and the message that it was made. */
function useChange({ tenant, onClose }: OneProps) {
  const refresh = useRefreshTenants();
  const toasts = useToasts();
  const { isBusy, error, run } = useWork();
  const change = (body: Change, what: string): void =>
    run(async () => {
      toasts.saved(await call('updateTenant', { path: { id: tenant.id }, body }), { what });
      await refresh();
      onClose();
    });
  return { isBusy, error, change };
}

function RenameDialog({ tenant, onClose }: OneProps) {
  const [name, setName] = useState(tenant.name);
  const { isBusy, error, change } = useChange({ tenant, onClose });
  const submit = (): void => change({ name }, t('tenants.renamed', { name }));
  return (
    <FormDialog
      title={t('tenants.rename.title', { name: tenant.name })}
      save={t('common.save')}
      {...{ isBusy, submit, onClose }}
    >
      {error !== undefined && <Refusal error={error} />}
      <Field label={t('tenants.name')} required maxLength={200} value={name} onChange={setName} />
    </FormDialog>
  );
}

function StatusDialog({ tenant, status, onClose }: OneProps & { status: TenantStatus }) {
  const { isBusy, error, change } = useChange({ tenant, onClose });
  const word = t(`tenants.status.${status}`).toLowerCase();
  const submit = (): void => change({ status }, t('tenants.statusSet', { name: tenant.name, status: word }));
  return (
    <FormDialog
      title={t('tenants.setStatus.title', { name: tenant.name, status: word })}
      save={t('tenants.setStatus', { status: word })}
      {...{ isBusy, submit, onClose }}
    >
      {error !== undefined && <Refusal error={error} />}
      <p>{t(`tenants.setStatus.${status}`)}</p>
    </FormDialog>
  );
}

function PasswordsDialog({ tenant, onClose }: OneProps) {
  const { isBusy, error, change } = useChange({ tenant, onClose });
  const label = t(tenant.showOneTimePasswords ? 'tenants.otp.hide' : 'tenants.otp.show');
  const submit = (): void =>
    change({ showOneTimePasswords: !tenant.showOneTimePasswords }, t('tenants.otp.set', { name: tenant.name }));
  return (
    <FormDialog title={label} save={t('common.save')} {...{ isBusy, submit, onClose }}>
      {error !== undefined && <Refusal error={error} />}
      <p>{tenant.name}</p>
    </FormDialog>
  );
}

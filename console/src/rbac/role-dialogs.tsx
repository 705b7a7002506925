/**
 * What is done to one role: create, clone, describe, delete. A refusal stays in the dialog, beside what was typed.
 */
import { useState } from 'react';

import type { Role } from '../../../src/contract/api.js';
import { call } from '../api/client.js';
import { asProblem } from '../api/problem.js';
import { Dialog } from '../parts/dialog.js';
import { Field, TextArea } from '../parts/field.js';
import { FormDialog } from '../parts/form-dialog.js';
import { Notice, Refusal } from '../parts/states.js';
import { useToasts } from '../parts/toasts.js';
import { useWork } from '../parts/work.js';
import { setQuery } from '../router.js';
import { t } from '../text/text.js';
import { useRoleCache } from './data.js';
import { Holders } from './holders.js';

export type RoleTask =
  { readonly kind: 'create' } | { readonly kind: 'clone' | 'describe' | 'delete'; readonly role: Role };

interface TaskProps {
  readonly roles: readonly Role[];
  readonly onClose: () => void;
}

export function RoleDialogs({ task, ...props }: TaskProps & { task: RoleTask }) {
  switch (task.kind) {
    case 'create':
      return <NameDialog {...props} />;
    case 'clone':
      return <NameDialog {...props} source={task.role} />;
    case 'describe':
      return <DescribeDialog {...props} role={task.role} />;
    case 'delete':
      return <DeleteDialog {...props} role={task.role} />;
  }
}

const NAME = /^[A-Z][A-Z0-9_]*$/;

function nameFault(name: string, roles: readonly Role[]): string | undefined {
  if (name === '') return undefined;
  if (!NAME.test(name)) return t('rbac.name.wrong');
  const isTaken = roles.some(({ roleName }) => roleName.toUpperCase() === name);
  return isTaken ? t('rbac.name.taken') : undefined;
}

/** A new role, empty or with the set of another. */
function NameDialog({ roles, source, onClose }: TaskProps & { source?: Role }) {
  const [roleName, setRoleName] = useState('');
  const [description, setDescription] = useState(source?.description ?? '');
  const cache = useRoleCache();
  const toasts = useToasts();
  const { isBusy, error, run } = useWork();
  const fault = nameFault(roleName, roles);
  const submit = (): void => {
    if (fault !== undefined || roleName === '') return;
    run(async () => {
      const body = { roleName, ...(description === '' ? {} : { description }) };
      const made =
        source === undefined
          ? await call('createRole', { body })
          : await call('cloneRole', { body, path: { id: source.id } });
      await cache.refresh();
      toasts.saved(made, { what: t('rbac.created', { role: roleName }) });
      setQuery({ role: made.id, compare: undefined });
      onClose();
    });
  };
  const title = source === undefined ? t('rbac.create.title') : t('rbac.clone.title', { role: source.roleName });
  return (
    <FormDialog
      title={title}
      save={t(source === undefined ? 'rbac.create.save' : 'rbac.clone.save')}
      {...{ isBusy, submit, onClose }}
    >
      {error !== undefined && <Refusal error={error} />}
      <p className="quiet">
        {source === undefined ? t('rbac.create.text') : t('rbac.clone.text', { count: source.permissionIds.length })}
      </p>
      <Field
        label={t('rbac.name')}
        hint={t('rbac.name.hint')}
        fault={fault}
        value={roleName}
        required
        maxLength={64}
        spellCheck={false}
        autoComplete="off"
        className="mono"
        onChange={setRoleName}
      />
      <TextArea label={t('rbac.description')} maxLength={1000} value={description} onChange={setDescription} />
    </FormDialog>
  );
}

function DescribeDialog({ role, onClose }: TaskProps & { role: Role }) {
  const [description, setDescription] = useState(role.description);
  const cache = useRoleCache();
  const toasts = useToasts();
  const { isBusy, error, run } = useWork();
  const submit = (): void =>
    run(async () => {
      const { syncToken, applied, ...now } = await call('describeRole', {
        path: { id: role.id },
        body: { description },
      });
      cache.put(now);
      toasts.saved({ syncToken, applied }, { what: t('rbac.described', { role: role.roleName }) });
      onClose();
    });
  return (
    <FormDialog
      title={t('rbac.describe.title', { role: role.roleName })}
      save={t('common.save')}
      {...{ isBusy, submit, onClose }}
    >
      {error !== undefined && <Refusal error={error} />}
      <TextArea label={t('rbac.description')} maxLength={1000} value={description} onChange={setDescription} />
    </FormDialog>
  );
}

function DeleteDialog({ role, onClose }: TaskProps & { role: Role }) {
  const cache = useRoleCache();
  const toasts = useToasts();
  const { isBusy, error, run } = useWork();
  const remove = (): void =>
    run(async () => {
      const receipt = await call('deleteRole', { path: { id: role.id } });
      setQuery({ role: undefined, view: undefined });
      await cache.refresh();
      toasts.saved(receipt, { what: t('rbac.deleted', { role: role.roleName }) });
      onClose();
    });
  const problem = error === undefined ? undefined : asProblem(error);
  const holders = problem?.code === 'ROLE_IN_USE' ? problem.body.holders : undefined;
  const actions = (
    <>
      <button type="button" className="button" onClick={onClose}>
        {t(holders === undefined ? 'common.cancel' : 'common.close')}
      </button>
      {holders === undefined && (
        <button type="button" className="button button-danger" disabled={isBusy} onClick={remove}>
          {t('rbac.role.delete')}
        </button>
      )}
    </>
  );
  return (
    <Dialog title={t('rbac.delete.title', { role: role.roleName })} actions={actions} onClose={onClose}>
      {holders !== undefined ? (
        <div className="stack" role="alert">
          <Notice kind="bad">{t('rbac.delete.inUse', { role: role.roleName })}</Notice>
          <Holders items={holders.items} />
          {holders.count > holders.items.length && (
            <p className="quiet">{t('rbac.delete.inUse.more', { count: holders.count - holders.items.length })}</p>
          )}
        </div>
      ) : error !== undefined ? (
        <Refusal error={error} />
      ) : (
        <p>{t('rbac.delete.text', { count: role.permissionIds.length })}</p>
      )}
    </Dialog>
  );
}

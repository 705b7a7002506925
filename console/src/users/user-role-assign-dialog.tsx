/**
 * The roles of a user: each edit is one call with an audit entry of its own. What is done is staged no more, so that those
 * that failed can be tried again alone. What they could do then can be looked at before anything is saved.
 */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import type { Assignment, Role, User } from '../../../src/contract/api.js';
import { call } from '../api/client.js';
import { useMay } from '../api/me.js';
import { asProblem } from '../api/problem.js';
import { Dialog } from '../parts/dialog.js';
import { Icon } from '../parts/icon.js';
import { Failed, Loading, Notice } from '../parts/states.js';
import { useToasts } from '../parts/toasts.js';
import { useRoles } from '../rbac/data.js';
import { PLATFORM_ROLE_ID } from '../rbac/lock.js';
import { fromLocalField, toLocalField, windowText } from '../text/dates.js';
import { problemText } from '../text/problem-text.js';
import { t } from '../text/text.js';
import { hasBegun, windowBody } from '../text/time-window.js';
import {
  type AssignmentChange,
  assignmentChanges,
  type Edit,
  editOf,
  ownOf,
  type Stage,
  wantedOf,
  withEdit,
} from './assignment-changes.js';
import { EffectiveScopeDrawer } from './effective-scope-drawer.js';
import { nameOf, useRefreshPeople } from './people.js';

interface DialogProps {
  readonly user: User;
  readonly onClose: () => void;
}

export function UserRoleAssignDialog({ user, onClose }: DialogProps) {
  const roles = useRoles();
  const held = useQuery({
    queryKey: ['people', 'roles', user.id],
    queryFn: async ({ signal }) => (await call('listUserRoles', { path: { id: user.id } }, { signal })).items,
    staleTime: 0,
    gcTime: 0,
    refetchOnWindowFocus: false,
  });
  const failed = [roles, held].find(({ isError }) => isError);
  if (roles.data !== undefined && held.data !== undefined) {
    const assignable = roles.data.filter(({ id }) => id !== PLATFORM_ROLE_ID);
    return (
      <Chooser user={user} roles={assignable} held={held.data} refreshHeld={() => held.refetch()} onClose={onClose} />
    );
  }
  return (
    <Dialog title={t('assign.title', { name: nameOf(user) })} kind="wide" onClose={onClose}>
      {failed === undefined ? <Loading /> : <Failed error={failed.error} onRetry={() => void failed.refetch()} />}
    </Dialog>
  );
}

interface ChooserProps extends DialogProps {
  readonly roles: readonly Role[];
  readonly held: readonly Assignment[];
  readonly refreshHeld: () => Promise<unknown>;
}

/** `overtaken`: somebody has revoked meanwhile what was to be moved, and it stays revoked. */
type Result = 'done' | 'already' | 'overtaken' | { readonly error: unknown };

function Chooser({ user, roles, held, refreshHeld, onClose }: ChooserProps) {
  const mayUpdate = useMay('users.update');
  const [filter, setFilter] = useState('');
  const [stage, setStage] = useState<Stage>(new Map());
  const [results, setResults] = useState<ReadonlyMap<string, Result>>(new Map());
  const [isBusy, setBusy] = useState(false);
  const [previews, setPreviews] = useState(false);
  const refresh = useRefreshPeople();
  const toasts = useToasts();
  const changes = assignmentChanges({ roles, held, stage });
  const save = async (): Promise<void> => {
    setBusy(true);
    const outcome = await carryOut(user.id, changes, toasts);
    setResults(outcome);
    setStage(new Map([...stage].filter(([roleId]) => isFailure(outcome.get(roleId)))));
    await refreshHeld();
    await refresh();
    setBusy(false);
    if (![...outcome.values()].some(isFailure)) onClose();
  };
  const onEdit = (roleId: string, edit: Edit | undefined): void => {
    setStage(withEdit(stage, roleId, edit));
    setResults(new Map([...results].filter(([id]) => id !== roleId)));
  };
  const isRetry = changes.length > 0 && changes.every(({ roleId }) => isFailure(results.get(roleId)));
  const isNoneLeft = roles.every(({ id }) => wantedOf(ownOf(held, id), stage.get(id)) === undefined);
  const isIdle = isBusy || changes.length === 0 || !mayUpdate;
  const actions = (
    <>
      <button type="button" className="button" onClick={() => setPreviews(true)}>
        <Icon name="shield" size={16} /> {t('assign.preview')}
      </button>
      <span className="grow" />
      <Buttons {...{ isRetry, isIdle, onClose }} onSave={() => void save()} />
    </>
  );
  return (
    <Dialog title={t('assign.title', { name: nameOf(user) })} kind="wide" actions={actions} onClose={onClose}>
      <div className="assign">
        <div>
          <input
            type="search"
            aria-label={t('assign.filter')}
            placeholder={t('assign.filter')}
            value={filter}
            onChange={(event) => setFilter(event.target.value)}
          />
          <ul className="assign-roles">
            {roles
              .filter(({ roleName }) => roleName.toLowerCase().includes(filter.toLowerCase()))
              .map((role) => (
                <RoleItem key={role.id} {...{ role, held, stage, onEdit }} isReadOnly={!mayUpdate || isBusy} />
              ))}
          </ul>
        </div>
        <section aria-label={t('assign.diff')}>
          <h3>{t('assign.diff')}</h3>
          <Changes changes={changes} results={results} />
          {!mayUpdate && <Notice>{t('users.needs')}</Notice>}
          {isNoneLeft && changes.length > 0 && <Notice kind="warn">{t('assign.noneLeft')}</Notice>}
        </section>
      </div>
      {previews && (
        <EffectiveScopeDrawer user={user} hypothesis={{ changes, roles }} onClose={() => setPreviews(false)} />
      )}
    </Dialog>
  );
}

interface ButtonsProps {
  readonly isRetry: boolean;
  readonly isIdle: boolean;
  readonly onSave: () => void;
  readonly onClose: () => void;
}

function Buttons({ isRetry, isIdle, onSave, onClose }: ButtonsProps) {
  return (
    <>
      <button type="button" className="button" onClick={onClose}>
        {t(isRetry ? 'common.close' : 'common.cancel')}
      </button>
      <button type="button" className="button button-main" disabled={isIdle} onClick={onSave}>
        {t(isRetry ? 'assign.retry' : 'assign.save')}
      </button>
    </>
  );
}

const isFailure = (result: Result | undefined): result is { readonly error: unknown } => typeof result === 'object';

/** One call a change, one after the other; what fails does not hold up the rest. */
async function carryOut(
  userId: string,
  changes: readonly AssignmentChange[],
  { saved, say }: ReturnType<typeof useToasts>,
): Promise<Map<string, Result>> {
  const results = new Map<string, Result>();
  for (const change of changes) {
    const { kind, roleId, roleName, assignmentId } = change;
    const named = assignmentId === undefined ? { roleId } : { roleId, assignmentId };
    try {
      const receipt =
        kind === 'removed'
          ? await call('revokeRole', { path: { id: userId, roleId } })
          : await call('assignRole', { path: { id: userId }, body: { ...named, ...windowBody(change) } });
      results.set(roleId, receipt.changed ? 'done' : 'already');
      saved(receipt, { what: `${kind === 'removed' ? '−' : '+'} ${roleName}:` });
    } catch (error) {
      const isOvertaken = asProblem(error).code === 'VERSION_CONFLICT';
      results.set(roleId, isOvertaken ? 'overtaken' : { error });
      if (isOvertaken) say('warn', t('assign.overtaken', { role: roleName }));
    }
  }
  return results;
}

interface ItemProps {
  readonly role: Role;
  readonly held: readonly Assignment[];
  readonly stage: Stage;
  readonly onEdit: (roleId: string, edit: Edit | undefined) => void;
  readonly isReadOnly: boolean;
}

function RoleItem({ role, held, stage, onEdit, isReadOnly }: ItemProps) {
  const before = ownOf(held, role.id);
  const wanted = wantedOf(before, stage.get(role.id));
  const isGlobal = held.some((one) => one.roleId === role.id && one.isGlobal);
  return (
    <li>
      <label className="check-line">
        <input
          type="checkbox"
          checked={wanted !== undefined || isGlobal}
          disabled={isReadOnly || (isGlobal && wanted === undefined)}
          onChange={({ target }) =>
            onEdit(role.id, editOf(before, target.checked ? (before?.expiresAt ?? null) : undefined))
          }
        />
        <span className="grow">
          {role.roleName}
          <span className="small quiet block">{isGlobal ? t('assign.global') : role.description}</span>
        </span>
      </label>
      {wanted !== undefined && (
        <label className="assign-expiry small">
          {!hasBegun(wanted) && <span>{windowText({ ...wanted, expiresAt: null })}</span>}
          <span>{t('assign.expires')}</span>
          <input
            type="datetime-local"
            aria-label={t('assign.expires.of', { role: role.roleName })}
            disabled={isReadOnly}
            value={toLocalField(wanted.expiresAt)}
            onChange={({ target: { value } }) =>
              onEdit(role.id, editOf(before, value === '' ? null : fromLocalField(value)))
            }
          />
        </label>
      )}
    </li>
  );
}

const SIGN = { added: '+', removed: '−', moved: '~' } as const;

function Changes({ changes, results }: { changes: readonly AssignmentChange[]; results: ReadonlyMap<string, Result> }) {
  const done = [...results].filter(
    ([roleId, result]) => typeof result === 'string' && !changes.some((one) => one.roleId === roleId),
  );
  if (changes.length === 0 && done.length === 0) return <p className="quiet">{t('assign.none')}</p>;
  return (
    <>
      <p className="small quiet">{t('assign.separately')}</p>
      <ul className="change-list">
        {changes.map((change) => {
          const { kind, roleId, roleName } = change;
          const result = results.get(roleId);
          return (
            <li key={roleId}>
              <span className={kind === 'removed' ? 'change-sign sign-minus' : 'change-sign sign-plus'}>
                {SIGN[kind]}
              </span>
              <span>
                {roleName} <span className="quiet small">{t(`assign.${kind}`)}</span>
                <span className="quiet small"> {windowText(change)}</span>
                {isFailure(result) && (
                  <span className="field-fault block" role="alert">
                    {problemText(asProblem(result.error))}
                  </span>
                )}
              </span>
            </li>
          );
        })}
      </ul>
    </>
  );
}

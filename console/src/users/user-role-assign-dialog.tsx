/**
 * The roles of a user: what is ticked is compared with what they have, and every difference is one call with an audit entry
 * of its own. Each call has its own result, and those that failed can be tried again. What they could do then can be looked
 * at before anything is saved.
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
import { fromLocalField, momentOf, toLocalField } from '../text/dates.js';
import { problemText } from '../text/problem-text.js';
import { t } from '../text/text.js';
import { type AssignmentChange, assignmentChanges, type Chosen } from './assignment-changes.js';
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

type Result = 'done' | 'already' | { readonly error: unknown };

function Chooser({ user, roles, held, refreshHeld, onClose }: ChooserProps) {
  const mayUpdate = useMay('users.update');
  const [filter, setFilter] = useState('');
  const [chosen, setChosen] = useState<readonly Chosen[]>(() => held.filter(({ isGlobal }) => !isGlobal));
  const [results, setResults] = useState<ReadonlyMap<string, Result>>(new Map());
  const [isBusy, setBusy] = useState(false);
  const [previews, setPreviews] = useState(false);
  const refresh = useRefreshPeople();
  const toasts = useToasts();
  const changes = assignmentChanges({ roles, held, chosen });
  const save = async (): Promise<void> => {
    setBusy(true);
    const outcome = await carryOut(user.id, changes, toasts.saved);
    setResults(outcome);
    await refreshHeld();
    await refresh();
    setBusy(false);
    if (!hasFailures(outcome)) onClose();
  };
  const hasFailed = hasFailures(results);
  const isIdle = isBusy || changes.length === 0 || !mayUpdate;
  const actions = (
    <>
      <button type="button" className="button" onClick={() => setPreviews(true)}>
        <Icon name="shield" size={16} /> {t('assign.preview')}
      </button>
      <span className="grow" />
      <Buttons {...{ hasFailed, isIdle, onClose }} onSave={() => void save()} />
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
                <RoleItem key={role.id} {...{ role, held, chosen, setChosen }} isReadOnly={!mayUpdate} />
              ))}
          </ul>
        </div>
        <section aria-label={t('assign.diff')}>
          <h3>{t('assign.diff')}</h3>
          <Changes changes={changes} results={results} />
          {!mayUpdate && <Notice>{t('users.needs')}</Notice>}
          {chosen.length === 0 && changes.length > 0 && <Notice kind="warn">{t('assign.noneLeft')}</Notice>}
        </section>
      </div>
      {previews && (
        <EffectiveScopeDrawer user={user} hypothesis={{ changes, roles }} onClose={() => setPreviews(false)} />
      )}
    </Dialog>
  );
}

interface ButtonsProps {
  readonly hasFailed: boolean;
  readonly isIdle: boolean;
  readonly onSave: () => void;
  readonly onClose: () => void;
}

function Buttons({ hasFailed, isIdle, onSave, onClose }: ButtonsProps) {
  return (
    <>
      <button type="button" className="button" onClick={onClose}>
        {t(hasFailed ? 'common.close' : 'common.cancel')}
      </button>
      <button type="button" className="button button-main" disabled={isIdle} onClick={onSave}>
        {t(hasFailed ? 'assign.retry' : 'assign.save')}
      </button>
    </>
  );
}

const hasFailures = (results: ReadonlyMap<string, Result>): boolean =>
  [...results.values()].some((result) => typeof result !== 'string');

/** One call a change, one after the other; what fails does not hold up the rest. */
async function carryOut(
  userId: string,
  changes: readonly AssignmentChange[],
  saved: ReturnType<typeof useToasts>['saved'],
): Promise<Map<string, Result>> {
  const results = new Map<string, Result>();
  for (const { kind, roleId, roleName, expiresAt } of changes) {
    try {
      const window = expiresAt === null ? {} : { expiresAt };
      const receipt =
        kind === 'removed'
          ? await call('revokeRole', { path: { id: userId, roleId } })
          : await call('assignRole', { path: { id: userId }, body: { roleId, ...window } });
      results.set(roleId, receipt.changed ? 'done' : 'already');
      saved(receipt, { what: `${kind === 'removed' ? '−' : '+'} ${roleName}:` });
    } catch (error) {
      results.set(roleId, { error });
    }
  }
  return results;
}

interface ItemProps {
  readonly role: Role;
  readonly held: readonly Assignment[];
  readonly chosen: readonly Chosen[];
  readonly setChosen: (chosen: readonly Chosen[]) => void;
  readonly isReadOnly: boolean;
}

function RoleItem({ role, held, chosen, setChosen, isReadOnly }: ItemProps) {
  const own = chosen.find(({ roleId }) => roleId === role.id);
  const isGlobal = held.some((one) => one.roleId === role.id && one.isGlobal);
  const others = chosen.filter(({ roleId }) => roleId !== role.id);
  const toggle = (isOn: boolean): void => {
    const before = held.find((one) => one.roleId === role.id)?.expiresAt ?? null;
    setChosen(isOn ? [...others, { roleId: role.id, expiresAt: before }] : others);
  };
  return (
    <li>
      <label className="check-line">
        <input
          type="checkbox"
          checked={own !== undefined || isGlobal}
          disabled={isReadOnly || (isGlobal && own === undefined)}
          onChange={(event) => toggle(event.target.checked)}
        />
        <span className="grow">
          {role.roleName}
          <span className="small quiet block">{isGlobal ? t('assign.global') : role.description}</span>
        </span>
      </label>
      {own !== undefined && (
        <label className="assign-expiry small">
          <span>{t('assign.expires')}</span>
          <input
            type="datetime-local"
            aria-label={t('assign.expires.of', { role: role.roleName })}
            disabled={isReadOnly}
            value={toLocalField(own.expiresAt)}
            onChange={({ target }) =>
              setChosen([
                ...others,
                { roleId: role.id, expiresAt: target.value === '' ? null : fromLocalField(target.value) },
              ])
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
        {changes.map(({ kind, roleId, roleName, expiresAt }) => {
          const result = results.get(roleId);
          return (
            <li key={roleId}>
              <span className={kind === 'removed' ? 'change-sign sign-minus' : 'change-sign sign-plus'}>
                {SIGN[kind]}
              </span>
              <span>
                {roleName} <span className="quiet small">{t(`assign.${kind}`)}</span>
                {expiresAt !== null && (
                  <span className="quiet small"> {t('assign.until', { when: momentOf(expiresAt) })}</span>
                )}
                {result !== undefined && typeof result !== 'string' && (
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

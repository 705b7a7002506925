/**
 * What would be saved, role by role, with who would gain and lose what; and the saving itself, one whole set a role, each on
 * the version that was seen. A role that somebody else has changed is not overwritten: what they did is shown, and what of
 * ours still differs stays staged on top of it.
 */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import type { PermissionSetPreview, Problem, Role } from '../../../src/contract/api.js';
import { call } from '../api/client.js';
import { asProblem } from '../api/problem.js';
import { Dialog } from '../parts/dialog.js';
import { Failed, Loading, Notice, Refusal } from '../parts/states.js';
import { type Receipt, useToasts } from '../parts/toasts.js';
import { When } from '../text/dates.js';
import { t } from '../text/text.js';
import { useRoleCache } from './data.js';
import { type RoleChange, type Stage, withoutRole } from './staging.js';

interface ReviewProps {
  readonly changes: readonly RoleChange[];
  readonly setStage: (change: (before: Stage) => Stage) => void;
  readonly onClose: () => void;
}

type Outcome = { readonly conflict: NonNullable<Problem['changed']> } | { readonly error: unknown };

interface Saved {
  readonly roleName: string;
  readonly role: Role;
  readonly receipt: Receipt;
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

export function ReviewDialog({ changes, setStage, onClose }: ReviewProps) {
  const [outcomes, setOutcomes] = useState<Readonly<Record<string, Outcome>>>({});
  const [isBusy, setBusy] = useState(false);
  const cache = useRoleCache();
  const announce = useAnnounce();
  const save = async (): Promise<void> => {
    setBusy(true);
    const saved: Saved[] = [];
    const failed: Record<string, Outcome> = {};
    for (const change of changes) {
      try {
        saved.push(await saveRole(change));
        setStage((before) => withoutRole(before, change.role.id));
      } catch (error) {
        failed[change.role.id] = outcomeOf(error);
      }
    }
    for (const { role } of saved) cache.put(role);
    for (const change of changes) {
      const outcome = failed[change.role.id];
      if (outcome !== undefined && 'conflict' in outcome) cache.put({ ...change.role, ...outcome.conflict });
    }
    if (saved.length > 0) announce(saved);
    await cache.refresh();
    setOutcomes(failed);
    setBusy(false);
    if (Object.keys(failed).length === 0) onClose();
  };
  const actions = (
    <>
      <button type="button" className="button" onClick={onClose}>
        {t(changes.length === 0 ? 'common.close' : 'common.cancel')}
      </button>
      {changes.length > 0 && (
        <button type="button" className="button button-main" disabled={isBusy} onClick={() => void save()}>
          {t('rbac.review.save')}
        </button>
      )}
    </>
  );
  const conflicts = Object.entries(outcomes).flatMap(([id, outcome]) =>
    'conflict' in outcome ? [{ id, ...outcome }] : [],
  );
  return (
    <Dialog title={t('rbac.review.title')} kind="wide" actions={actions} onClose={onClose}>
      {conflicts.map(({ id, conflict }) => (
        <Conflict
          key={id}
          roleName={changes.find(({ role }) => role.id === id)?.role.roleName ?? id}
          conflict={conflict}
        />
      ))}
      {changes.length === 0 && <p className="quiet">{t('rbac.review.empty')}</p>}
      {changes.map((change) => {
        const outcome = outcomes[change.role.id];
        return (
          <section key={change.role.id} className="review-role" aria-label={change.role.roleName}>
            <h3>{change.role.roleName}</h3>
            {outcome !== undefined && 'error' in outcome && <Refusal error={outcome.error} />}
            <Signed sign="+" title={t('rbac.review.granted')} permissionIds={change.added} />
            <Signed sign="−" title={t('rbac.review.revoked')} permissionIds={change.removed} />
            <Affected change={change} />
          </section>
        );
      })}
    </Dialog>
  );
}

async function saveRole({ role, permissionIds }: RoleChange): Promise<Saved> {
  const { syncToken, applied, changed, added, removed, ...now } = await call('setRolePermissions', {
    path: { id: role.id },
    headers: { 'if-match': String(role.version) },
    body: { permissionIds: [...permissionIds] },
  });
  return { roleName: role.roleName, role: now, receipt: { syncToken, applied, changed }, added, removed };
}

function outcomeOf(error: unknown): Outcome {
  const problem = asProblem(error);
  const { changed } = problem.body;
  return problem.code === 'VERSION_CONFLICT' && changed !== undefined ? { conflict: changed } : { error };
}

/** Says what was saved, and offers the way back: the inverse of exactly that, on the versions that came of it. */
function useAnnounce(): (saved: readonly Saved[]) => void {
  const toasts = useToasts();
  const cache = useRoleCache();
  const undo = async (saved: readonly Saved[]): Promise<void> => {
    for (const { role, added, removed } of saved) {
      const permissionIds = [...role.permissionIds.filter((id) => !added.includes(id)), ...removed];
      const { roleName, receipt } = await saveRole({ role, permissionIds, added: removed, removed: added });
      toasts.saved(receipt, { what: t('rbac.undone', { roles: roleName }) });
    }
    await cache.refresh();
  };
  return (saved) => {
    const receipts = saved.map(({ receipt }) => receipt);
    const last = receipts.at(-1);
    if (last === undefined) return;
    const whole = {
      ...last,
      applied: receipts.every(({ applied }) => applied),
      changed: receipts.some(({ changed }) => changed === true),
    };
    toasts.saved(whole, {
      what: t('rbac.saved', { roles: saved.map(({ roleName }) => roleName).join(', ') }),
      undo: () => void undo(saved).catch(() => toasts.say('bad', t('error.title'))),
    });
  };
}

function Signed({ sign, title, permissionIds }: { sign: '+' | '−'; title: string; permissionIds: readonly string[] }) {
  if (permissionIds.length === 0) return null;
  return (
    <ul className="change-list" aria-label={title}>
      {permissionIds.map((id) => (
        <li key={id}>
          <span className={sign === '+' ? 'change-sign sign-plus' : 'change-sign sign-minus'}>{sign}</span>
          <code>{id}</code>
          <span className="quiet small">{title}</span>
        </li>
      ))}
    </ul>
  );
}

function Affected({ change: { role, permissionIds } }: { change: RoleChange }) {
  const preview = useQuery({
    queryKey: ['preview', role.id, role.version, permissionIds],
    queryFn: ({ signal }) =>
      call(
        'previewRolePermissions',
        { path: { id: role.id }, body: { permissionIds: [...permissionIds] } },
        { signal },
      ),
    staleTime: 0,
  });
  if (preview.isError) return <Failed error={preview.error} onRetry={() => void preview.refetch()} />;
  if (preview.data === undefined) return <Loading rows={1} />;
  const { affectedUserCount: count, items } = preview.data;
  if (count === 0) return <p className="quiet">{t('rbac.review.nobody')}</p>;
  return (
    <details className="affected">
      <summary>{t('rbac.review.affected', { count })}</summary>
      <ul>
        {items.map((person) => (
          <li key={person.userId}>
            <strong>{person.displayName === '' ? person.userId : person.displayName}</strong>{' '}
            <span className="quiet">{effectOn(person)}</span>
          </li>
        ))}
      </ul>
      {count > items.length && <p className="quiet">{t('rbac.review.more', { count: count - items.length })}</p>}
    </details>
  );
}

function effectOn({ gains, losses }: PermissionSetPreview['items'][number]): string {
  const parts = [
    ...(gains.length === 0 ? [] : [t('rbac.review.gains', { permissions: gains.join(', ') })]),
    ...(losses.length === 0 ? [] : [t('rbac.review.losses', { permissions: losses.join(', ') })]),
  ];
  return parts.join('; ');
}

function Conflict({ roleName, conflict }: { roleName: string; conflict: NonNullable<Problem['changed']> }) {
  return (
    <div role="alert" className="conflict">
      <Notice kind="warn">
        <p>{t('rbac.conflict', { role: roleName })}</p>
        <ul>
          {conflict.changes.map((change) => (
            <li key={`${change.at} ${String(change.actorUserId)}`}>
              {change.actorUserId ?? t('rbac.conflict.unknown')}, <When at={change.at} />:{' '}
              {[...change.added.map((id) => `+ ${id}`), ...change.removed.map((id) => `− ${id}`)].join(', ')}
            </li>
          ))}
        </ul>
      </Notice>
    </div>
  );
}

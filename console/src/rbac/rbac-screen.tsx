/**
 * `/admin/rbac`: the matrix, and everything that is done to a role. Edits are staged here and nowhere else; what is shown,
 * searched for and selected stands in the address.
 */
import { useCallback, useEffect, useState } from 'react';

import type { CataloguePermission, Role } from '../../../src/contract/api.js';
import { useMay } from '../api/me.js';
import { RbacAuditDrawer } from '../audit/rbac-audit-drawer.js';
import { Dialog } from '../parts/dialog.js';
import { Failed, Loading, Notice, State } from '../parts/states.js';
import { guardPlace, setQuery, usePlace } from '../router.js';
import { t } from '../text/text.js';
import { useColumns } from './columns.js';
import { useCatalogue, useRoles } from './data.js';
import { lockOf } from './lock.js';
import { Legend } from './legend.js';
import { Matrix } from './matrix.js';
import { ReviewDialog } from './review-dialog.js';
import { RoleBar } from './role-bar.js';
import { RoleDialogs, type RoleTask } from './role-dialogs.js';
import { RoleList } from './role-list.js';
import { type MatrixRow, type RowFilter, rowsOf } from './rows.js';
import { changesOf, countChanges, type Stage, withCells } from './staging.js';
import { Toolbar } from './toolbar.js';

export function RbacScreen() {
  const roles = useRoles();
  const catalogue = useCatalogue();
  const failed = [roles, catalogue].find(({ isError, data }) => isError && data === undefined);
  if (failed !== undefined) return <Failed error={failed.error} onRetry={() => void failed.refetch()} />;
  if (roles.data === undefined || catalogue.data === undefined) return <Loading rows={14} />;
  return <Editor roles={roles.data} permissions={catalogue.data} />;
}

function useFilter(): RowFilter {
  const { query } = usePlace();
  return {
    search: query.get('q') ?? '',
    onlyGranted: query.has('granted'),
    onlyDifferent: query.has('different') || query.has('compare'),
  };
}

function Editor({ roles, permissions }: { roles: readonly Role[]; permissions: readonly CataloguePermission[] }) {
  const { query } = usePlace();
  const mayAdmin = useMay('users.admin');
  const [stage, setStage] = useState<Stage>({});
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
  const [task, setTask] = useState<RoleTask>();
  const [isReviewing, setReviewing] = useState(false);
  const [showsAudit, setShowsAudit] = useState(false);
  const filter = useFilter();
  const columns = useColumns(roles);
  const selected = roles.find(({ id }) => id === query.get('role'));
  const changes = changesOf(roles, stage);
  const pending = countChanges(changes);
  const leaving = useLeaveGuard(pending > 0);
  const source = { ...filter, permissions, roles: columns.shown, stage, folded };
  const rows = rowsOf(source);
  const toggle = useCallback((role: Role, permissionIds: readonly string[], granted: boolean): void => {
    setStage((before) => withCells(before, role, { permissionIds, granted }));
  }, []);
  const fold = useCallback((group: string): void => setFolded((before) => toggled(before, group)), []);
  const isList = selected !== undefined && query.get('view') === 'list';
  return (
    <div className="matrix-screen">
      <Toolbar
        {...{ filter, columns, roles, rows, folded, setFolded, stage, permissions, mayAdmin }}
        onNew={() => setTask({ kind: 'create' })}
        onAudit={() => setShowsAudit(true)}
      />
      {!mayAdmin && <Notice>{t('may.not', { permission: 'users.admin' })}</Notice>}
      <RoleBar role={selected} isList={isList} mayAdmin={mayAdmin} onTask={setTask} />
      <Sheet
        {...{ permissions, rows, stage, filter, mayAdmin, selected, isList, toggle, fold }}
        roles={columns.shown}
      />
      {pending > 0 ? (
        <Pending count={pending} onDiscard={() => setStage({})} onReview={() => setReviewing(true)} />
      ) : (
        !isList && <Legend />
      )}
      {isReviewing && <ReviewDialog {...{ changes, setStage }} onClose={() => setReviewing(false)} />}
      {task !== undefined && <RoleDialogs task={task} roles={roles} onClose={() => setTask(undefined)} />}
      {showsAudit && <RbacAuditDrawer role={selected} onClose={() => setShowsAudit(false)} />}
      {leaving}
    </div>
  );
}

interface SheetProps {
  readonly roles: readonly Role[];
  readonly permissions: readonly CataloguePermission[];
  readonly rows: readonly MatrixRow[];
  readonly stage: Stage;
  readonly filter: RowFilter;
  readonly mayAdmin: boolean;
  readonly selected: Role | undefined;
  readonly isList: boolean;
  readonly toggle: (role: Role, permissionIds: readonly string[], granted: boolean) => void;
  readonly fold: (group: string) => void;
}

/** One role as a list, or all of them as the matrix, or why there is nothing to see. */
function Sheet({ roles, permissions, rows, stage, filter, mayAdmin, selected, isList, toggle, fold }: SheetProps) {
  const selectedId = selected?.id;
  const select = useCallback(
    (role: string): void => setQuery({ role: role === selectedId ? undefined : role, view: undefined }),
    [selectedId],
  );
  if (isList && selected !== undefined) {
    const lock = lockOf(selected, mayAdmin);
    return <RoleList role={selected} {...{ permissions, stage, filter, lock }} onToggle={toggle} />;
  }
  if (roles.length === 0) {
    return (
      <State icon="roles" title={t('rbac.noRoles')}>
        <p>{t('rbac.noRoles.detail')}</p>
      </State>
    );
  }
  if (rows.length === 0) {
    return (
      <State icon="search" title={t('rbac.none')} action={<ClearFilters />}>
        <p>{t('rbac.none.detail')}</p>
      </State>
    );
  }
  return (
    <Matrix
      {...{ rows, roles, stage, mayAdmin }}
      search={filter.search}
      selectedRoleId={selectedId}
      permissionCount={permissions.length}
      onToggle={toggle}
      onFold={fold}
      onSelect={select}
    />
  );
}

function toggled(all: ReadonlySet<string>, one: string): ReadonlySet<string> {
  const next = new Set(all);
  if (!next.delete(one)) next.add(one);
  return next;
}

function ClearFilters() {
  const clear = (): void => setQuery({ q: undefined, granted: undefined, different: undefined, compare: undefined });
  return (
    <button type="button" className="button" onClick={clear}>
      {t('common.clearFilters')}
    </button>
  );
}

interface PendingProps {
  readonly count: number;
  readonly onDiscard: () => void;
  readonly onReview: () => void;
}

function Pending({ count, onDiscard, onReview }: PendingProps) {
  return (
    <div className="pending" role="region" aria-label={t('rbac.pending', { count })}>
      <strong className="grow" role="status">
        {t('rbac.pending', { count })}
      </strong>
      <button type="button" className="button" onClick={onDiscard}>
        {t('rbac.discard')}
      </button>
      <button type="button" className="button button-main" onClick={onReview}>
        {t('rbac.review')}
      </button>
    </div>
  );
}

/** Asks before staged edits are left behind; returns the dialog that asks. */
function useLeaveGuard(hasWork: boolean) {
  const [answer, setAnswer] = useState<(may: boolean) => void>();
  useEffect(() => {
    if (!hasWork) return;
    guardPlace(() => new Promise<boolean>((resolve) => setAnswer(() => resolve)));
    return () => guardPlace(undefined);
  }, [hasWork]);
  if (answer === undefined) return null;
  const say = (may: boolean): void => {
    setAnswer(undefined);
    answer(may);
  };
  const actions = (
    <>
      <button type="button" className="button" onClick={() => say(false)}>
        {t('rbac.leave.stay')}
      </button>
      <button type="button" className="button button-danger" onClick={() => say(true)}>
        {t('rbac.leave.go')}
      </button>
    </>
  );
  return (
    <Dialog title={t('rbac.leave.title')} actions={actions} onClose={() => say(false)}>
      <p>{t('rbac.leave.text')}</p>
    </Dialog>
  );
}

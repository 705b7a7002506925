/**
 * Above the matrix: what is searched for and filtered, which columns are shown, and what makes something new.
 */
import { useState } from 'react';

import type { CataloguePermission, Role } from '../../../src/contract/api.js';
import { addressOf } from '../api/client.js';
import { useMay } from '../api/me.js';
import { Dialog } from '../parts/dialog.js';
import { useExport } from '../parts/export.js';
import { SelectField } from '../parts/field.js';
import { Icon } from '../parts/icon.js';
import { Menu } from '../parts/menu.js';
import { setQuery } from '../router.js';
import { t } from '../text/text.js';
import type { Columns } from './columns.js';
import type { MatrixRow, RowFilter } from './rows.js';
import type { Stage } from './staging.js';

interface ToolbarProps {
  readonly filter: RowFilter;
  readonly columns: Columns;
  readonly roles: readonly Role[];
  readonly rows: readonly MatrixRow[];
  readonly permissions: readonly CataloguePermission[];
  readonly stage: Stage;
  readonly folded: ReadonlySet<string>;
  readonly setFolded: (folded: ReadonlySet<string>) => void;
  readonly mayAdmin: boolean;
  readonly onNew: () => void;
  readonly onAudit: () => void;
}

export function Toolbar(props: ToolbarProps) {
  const { filter, mayAdmin, onNew, onAudit } = props;
  const mayAudit = useMay('config.read');
  return (
    <>
      <div className="row">
        <h1 className="grow">{t('rbac.title')}</h1>
        <button
          type="button"
          className="button"
          aria-disabled={!mayAudit}
          title={mayAudit ? undefined : t('rbac.audit.needs')}
          onClick={() => mayAudit && onAudit()}
        >
          <Icon name="audit" /> {t('rbac.audit')}
          {!mayAudit && <span className="unseen">{t('rbac.audit.needs')}</span>}
        </button>
        <button
          type="button"
          className="button button-main"
          aria-label={t('rbac.new.label')}
          aria-disabled={!mayAdmin}
          title={mayAdmin ? undefined : t('rbac.locked.may')}
          onClick={() => mayAdmin && onNew()}
        >
          <Icon name="plus" size={16} /> {t('rbac.new')}
        </button>
      </div>
      <div className="row toolbar">
        <input
          type="search"
          className="toolbar-search"
          aria-label={t('rbac.search')}
          placeholder={t('rbac.search')}
          value={filter.search}
          onChange={(event) => setQuery({ q: event.target.value })}
        />
        <Toggle on={filter.onlyGranted} label={t('rbac.onlyGranted')} name="granted" />
        <Toggle on={filter.onlyDifferent} label={t('rbac.onlyDifferent')} name="different" />
        <span className="grow" />
        <FoldButton {...props} />
        <ColumnPicker {...props} />
        <Compare {...props} />
        <ExportButton {...props} />
      </div>
    </>
  );
}

function Toggle({ on, label, name }: { on: boolean; label: string; name: string }) {
  return (
    <button
      type="button"
      className="button button-small"
      aria-pressed={on}
      onClick={() =>
        setQuery({ [name]: on ? undefined : '1', ...(name === 'different' && on ? { compare: undefined } : {}) })
      }
    >
      {label}
    </button>
  );
}

function FoldButton({ permissions, folded, setFolded }: ToolbarProps) {
  const groups = new Set(permissions.map(({ group }) => group));
  const isFolded = folded.size === groups.size;
  return (
    <button type="button" className="button button-small" onClick={() => setFolded(isFolded ? new Set() : groups)}>
      {t(isFolded ? 'rbac.unfold' : 'rbac.fold')}
    </button>
  );
}

function ColumnPicker({ columns, roles }: ToolbarProps) {
  const shown = roles.filter(({ id }) => !columns.isHidden(id)).length;
  const face = (
    <>
      {t('rbac.columns')} <span className="quiet">{t('rbac.columns.count', { shown, count: roles.length })}</span>
    </>
  );
  return (
    <Menu face={face} className="button button-small">
      {() => (
        <>
          <button type="button" className="button button-small" onClick={columns.showAll}>
            {t('rbac.columns.all')}
          </button>
          {roles.map(({ id, roleName }) => (
            <label key={id} className="check-line">
              <input
                type="checkbox"
                checked={!columns.isHidden(id)}
                onChange={(event) => columns.setHidden(id, !event.target.checked)}
              />
              {roleName}
            </label>
          ))}
        </>
      )}
    </Menu>
  );
}

function Compare({ columns, roles }: ToolbarProps) {
  const [isOpen, setOpen] = useState(false);
  if (columns.compared !== undefined) {
    const [first, second] = columns.compared;
    return (
      <button
        type="button"
        className="button button-small"
        aria-pressed="true"
        onClick={() => setQuery({ compare: undefined })}
      >
        {t('rbac.compare.on', { first: first.roleName, second: second.roleName })}
        <Icon name="close" size={14} />
        <span className="unseen">{t('rbac.compare.off')}</span>
      </button>
    );
  }
  return (
    <>
      <button type="button" className="button button-small" disabled={roles.length < 2} onClick={() => setOpen(true)}>
        {t('rbac.compare')}
      </button>
      {isOpen && <CompareDialog roles={roles} onClose={() => setOpen(false)} />}
    </>
  );
}

function CompareDialog({ roles, onClose }: { roles: readonly Role[]; onClose: () => void }) {
  const [first, setFirst] = useState(roles[0]?.id ?? '');
  const [second, setSecond] = useState(roles[1]?.id ?? '');
  const options = roles.map(({ id, roleName }) => ({ value: id, label: roleName }));
  const actions = (
    <button
      type="button"
      className="button button-main"
      disabled={first === second}
      onClick={() => {
        setQuery({ compare: `${first},${second}`, view: undefined });
        onClose();
      }}
    >
      {t('rbac.compare')}
    </button>
  );
  return (
    <Dialog title={t('rbac.compare.title')} actions={actions} onClose={onClose}>
      <div className="stack">
        <SelectField label={t('rbac.compare.first')} options={options} value={first} onChange={setFirst} />
        <SelectField label={t('rbac.compare.second')} options={options} value={second} onChange={setSecond} />
      </div>
    </Dialog>
  );
}

/** What is saved of what is shown, as a file that the service makes: who took it is written down. Folded groups are in it. */
function ExportButton({ filter: { search, onlyGranted, onlyDifferent }, columns, roles }: ToolbarProps) {
  const save = useExport();
  const isSome = columns.shown.length < roles.length;
  const roleIds = isSome ? columns.shown.map(({ id }) => id).join(',') : undefined;
  const address = addressOf('/admin/role-matrix', { query: { roleIds, search, onlyGranted, onlyDifferent } });
  return (
    <button
      type="button"
      className="button button-small"
      title={t('rbac.export.told')}
      disabled={columns.shown.length === 0}
      onClick={() => save('roles.csv', address)}
    >
      {t('rbac.export')}
    </button>
  );
}

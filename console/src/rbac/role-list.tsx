/** One role as a list of checkboxes, by group: for whoever would rather read than move about in a grid. */
import type { CataloguePermission, Role } from '../../../src/contract/api.js';
import { Highlight } from '../parts/states.js';
import { t } from '../text/text.js';
import { groupName, type RowFilter, rowsOf } from './rows.js';
import { isWanted, type Stage } from './staging.js';

interface RoleListProps {
  readonly role: Role;
  readonly permissions: readonly CataloguePermission[];
  readonly stage: Stage;
  readonly filter: RowFilter;
  readonly lock: 'platform' | 'system' | 'may' | undefined;
  readonly onToggle: (role: Role, permissionIds: readonly string[], granted: boolean) => void;
}

export function RoleList({ role, permissions, stage, filter, lock, onToggle }: RoleListProps) {
  const source = { ...filter, onlyDifferent: false, permissions, roles: [role], stage, folded: new Set<string>() };
  const rows = rowsOf(source);
  const groups = rows.filter((row) => row.kind === 'group');
  const byId = new Map(permissions.map((permission) => [permission.id, permission]));
  return (
    <div className="role-list">
      {groups.map(({ group, permissionIds, shownIds }) => {
        const granted = permissionIds.filter((id) => isWanted(role, id, stage)).length;
        return (
          <fieldset key={group}>
            <legend>
              {groupName(group)}{' '}
              <span className="quiet small">{`${String(granted)}/${String(permissionIds.length)}`}</span>
            </legend>
            {shownIds.map((id) => {
              const isStaged = stage[role.id]?.[id] !== undefined;
              const wanted = isWanted(role, id, stage);
              return (
                <label key={id} className={isStaged ? 'is-changed' : undefined}>
                  <input
                    type="checkbox"
                    checked={wanted}
                    disabled={lock !== undefined}
                    onChange={(event) => onToggle(role, [id], event.target.checked)}
                  />
                  <span>
                    <span className="mono">
                      <Highlight text={id} search={filter.search} />
                    </span>
                    <span className="small quiet">{byId.get(id)?.description}</span>
                    {isStaged && <span className="small">{t(wanted ? 'rbac.cell.adding' : 'rbac.cell.removing')}</span>}
                  </span>
                </label>
              );
            })}
          </fieldset>
        );
      })}
    </div>
  );
}

/**
 * What was written down about roles: `role`, `role_permission` and `user_role`, merged here, newest first, at most fifty.
 * Where a role is selected, only what concerns it: the first two by its id, and its assignments by their purpose.
 */
import { useQuery } from '@tanstack/react-query';

import type { AuditEntry, Role } from '../../../src/contract/api.js';
import { call, type Input } from '../api/client.js';
import { Drawer } from '../parts/dialog.js';
import { Failed, Loading, State } from '../parts/states.js';
import { Link } from '../shell/link.js';
import { t } from '../text/text.js';
import { Entry } from './entry.js';

const SHOWN_MAX = 50;

type Filter = NonNullable<Input<'listAuditLog'>['query']>;

function filtersOf(role: Role | undefined): Filter[] {
  if (role === undefined)
    return [{ entityType: 'role' }, { entityType: 'role_permission' }, { entityType: 'user_role' }];
  return [
    { entityType: 'role', entityId: role.id },
    { entityType: 'role_permission', entityId: role.id },
    { entityType: 'user_role', purpose: `role.assign:${role.id}` },
    { entityType: 'user_role', purpose: `role.revoke:${role.id}` },
  ];
}

async function readMerged(role: Role | undefined, signal: AbortSignal): Promise<AuditEntry[]> {
  const pages = await Promise.all(
    filtersOf(role).map((filter) => call('listAuditLog', { query: { ...filter, limit: SHOWN_MAX } }, { signal })),
  );
  const entries = pages.flatMap(({ items }) => items);
  return entries
    .sort((a, b) => Date.parse(b.accessedAt) - Date.parse(a.accessedAt) || Number(b.id) - Number(a.id))
    .slice(0, SHOWN_MAX);
}

export function RbacAuditDrawer({ role, onClose }: { role: Role | undefined; onClose: () => void }) {
  const entries = useQuery({
    queryKey: ['audit', 'rbac', role?.id],
    queryFn: ({ signal }) => readMerged(role, signal),
    staleTime: 0,
    refetchOnWindowFocus: false,
  });
  const subtitle = role === undefined ? t('audit.drawer.all') : t('audit.drawer.of', { role: role.roleName });
  // Of every kind: what was done to its permissions is about the role too.
  const more = role === undefined ? '' : `?entityId=${encodeURIComponent(role.id)}`;
  const actions = (
    <Link to={`/admin/audit${more}`} className="button button-small">
      {t('audit.drawer.whole')}
    </Link>
  );
  return (
    <Drawer title={t('audit.drawer.title')} subtitle={subtitle} actions={actions} onClose={onClose}>
      {entries.isError && <Failed error={entries.error} onRetry={() => void entries.refetch()} />}
      {entries.isPending && <Loading />}
      {entries.data?.length === 0 && <State icon="audit" title={t('audit.none')} />}
      <ul className="entries">
        {(entries.data ?? []).map((entry) => (
          <Entry key={entry.id} entry={entry} />
        ))}
      </ul>
    </Drawer>
  );
}

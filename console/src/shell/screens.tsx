/**
 * Which screen an address shows, and what each needs; the menu is made of the same list.
 */
import type { ReactNode } from 'react';

import { useMe } from '../api/me.js';
import { AuditScreen } from '../audit/audit-screen.js';
import type { IconName } from '../parts/icon.js';
import { Failed, Loading, MayNot, State } from '../parts/states.js';
import { PasswordScreen } from '../sign-in/password-screen.js';
import { MailerScreen } from '../platform/mailer-screen.js';
import { TenantsScreen } from '../platform/tenants-screen.js';
import { RbacScreen } from '../rbac/rbac-screen.js';
import { RequestsScreen } from '../requests/requests-screen.js';
import { ReviewsScreen } from '../requests/reviews-screen.js';
import { TeamsScreen } from '../teams/teams-screen.js';
import type { TextKey } from '../text/text.js';
import { t } from '../text/text.js';
import { UsersScreen } from '../users/users-screen.js';
import { Link } from './link.js';

export interface Entry {
  readonly path: string;
  readonly label: TextKey;
  readonly icon: IconName;
  readonly section: 'settings' | 'admin' | 'system';
  /** A permission of the tenant, `member` for everybody in it, or `platform`. */
  readonly needs: string;
  readonly show: () => ReactNode;
}

export const entries: readonly Entry[] = [
  {
    path: '/admin/users',
    label: 'nav.users',
    icon: 'users',
    section: 'settings',
    needs: 'users.read',
    show: () => <UsersScreen />,
  },
  {
    path: '/admin/rbac',
    label: 'nav.roles',
    icon: 'roles',
    section: 'settings',
    needs: 'users.read',
    show: () => <RbacScreen />,
  },
  {
    path: '/admin/teams',
    label: 'nav.teams',
    icon: 'teams',
    section: 'settings',
    needs: 'users.read',
    show: () => <TeamsScreen />,
  },
  {
    path: '/requests',
    label: 'nav.requests',
    icon: 'requests',
    section: 'settings',
    needs: 'member',
    show: () => <RequestsScreen />,
  },
  {
    path: '/admin/reviews',
    label: 'nav.reviews',
    icon: 'check',
    section: 'settings',
    needs: 'users.read',
    show: () => <ReviewsScreen />,
  },
  {
    path: '/admin/audit',
    label: 'nav.audit',
    icon: 'audit',
    section: 'settings',
    needs: 'config.read',
    show: () => <AuditScreen />,
  },
  {
    path: '/admin/tenants',
    label: 'nav.tenants',
    icon: 'tenants',
    section: 'admin',
    needs: 'platform',
    show: () => <TenantsScreen />,
  },
  {
    path: '/admin/system/notifications',
    label: 'nav.notifications',
    icon: 'mail',
    section: 'system',
    needs: 'platform',
    show: () => <MailerScreen />,
  },
];

/** What an address shows. */
export function screenOf(path: string): ReactNode {
  if (path === '/') return <Home />;
  if (path === '/account/password') return <PasswordScreen />;
  const entry = entries.find((one) => one.path === path.replace(/\/$/, ''));
  return entry === undefined ? <Nowhere /> : <Guarded entry={entry} />;
}

/** The entries that are open to the signed-in person now; undefined while that is not known. */
export function useOpenEntries(): readonly Entry[] | undefined {
  const { data: me } = useMe();
  if (me === undefined) return undefined;
  const isPlatform = me.isPlatformAdmin && me.impersonationId === null && me.tenantId === null;
  return entries.filter(({ needs }) => {
    if (needs === 'platform') return isPlatform;
    return needs === 'member' ? me.tenantId !== null : me.permissions.includes(needs);
  });
}

function Guarded({ entry }: { entry: Entry }) {
  const me = useMe();
  const open = useOpenEntries();
  if (me.isError && me.data === undefined) return <Failed error={me.error} onRetry={() => void me.refetch()} />;
  if (open === undefined) return <Loading />;
  if (!open.includes(entry) && entry.needs === 'member') return <Nowhere />;
  if (!open.includes(entry)) return <MayNot permission={entry.needs === 'platform' ? 'PLATFORM_ADMIN' : entry.needs} />;
  return entry.show();
}

function Home() {
  const me = useMe();
  const open = useOpenEntries();
  if (me.isError && me.data === undefined) return <Failed error={me.error} onRetry={() => void me.refetch()} />;
  if (open === undefined) return <Loading />;
  const first = open.find(({ needs }) => needs !== 'member');
  if (first !== undefined) return first.show();
  return (
    <State icon="lock" title={t('home.nothing')} isScreen>
      <p>{t('home.nothing.detail')}</p>
    </State>
  );
}

function Nowhere() {
  return (
    <State
      icon="search"
      title={t('place.nothing')}
      isScreen
      action={
        <Link to="/" className="button">
          {t('place.home')}
        </Link>
      }
    >
      <p>{t('place.nothing.detail')}</p>
    </State>
  );
}

/**
 * What stands around every screen: the menu of what is open to the signed-in person, who they are, and, while a platform
 * admin acts in a tenant, a frame and a banner that cannot be overlooked.
 */
import { type ReactNode, useEffect } from 'react';

import { call } from '../api/client.js';
import { useMe } from '../api/me.js';
import { forgetSession, useSession } from '../api/session.js';
import { Icon } from '../parts/icon.js';
import { ToastList } from '../parts/toasts.js';
import { ImpersonationBanner } from '../platform/impersonation-banner.js';
import { navigate, usePlace } from '../router.js';
import { t } from '../text/text.js';
import { Link } from './link.js';
import { type Entry, entries, useOpenEntries } from './screens.js';
import { SyncBanner } from './sync-banner.js';
import { type Theme, useTheme } from './theme.js';

export function Shell({ children }: { children: ReactNode }) {
  const session = useSession();
  const acting = session?.acting;
  useTitle(acting?.tenantName);
  return (
    <div className={acting === undefined ? 'shell' : 'shell shell-acting'}>
      <a className="skip" href="#content">
        {t('app.skip')}
      </a>
      <Menu />
      <div className="shell-main">
        <div className="shell-scroll">
          {acting !== undefined && <ImpersonationBanner acting={acting} />}
          <SyncBanner />
          <main id="content" tabIndex={-1}>
            {children}
          </main>
        </div>
        <ToastList />
      </div>
    </div>
  );
}

/** `[ACME] Users · Bailiwick`: a screenshot and a list of tabs say where one is. */
function useTitle(actingIn: string | undefined): void {
  const { path } = usePlace();
  useEffect(() => {
    const entry = entries.find((one) => one.path === path);
    const name = entry === undefined ? t('app.name') : `${t(entry.label)} · ${t('app.name')}`;
    document.title = actingIn === undefined ? name : `[${actingIn}] ${name}`;
  }, [path, actingIn]);
}

const SECTIONS = [
  { section: 'settings', label: 'nav.settings' },
  { section: 'admin', label: 'nav.admin' },
  { section: 'system', label: 'nav.system' },
] as const;

function Menu() {
  const open = useOpenEntries() ?? [];
  const session = useSession();
  const { path } = usePlace();
  const current = path === '/' ? open.find(({ needs }) => needs !== 'member')?.path : path;
  const where = session?.acting?.tenantName ?? (session?.slug === 'platform' ? t('nav.platform') : session?.slug);
  return (
    <header className="side">
      <Link to="/" className="brand">
        <span className="brand-mark">
          <Icon name="shield" size={18} />
        </span>
        <span>
          <strong>{t('app.name')}</strong>
          <span className="brand-where">{where}</span>
        </span>
      </Link>
      <nav aria-label={t('nav.label')}>
        {SECTIONS.map(({ section, label }) => {
          const shown = open.filter((entry) => entry.section === section);
          return shown.length === 0 ? null : (
            <div key={section} className="nav-section">
              <p className="nav-title" id={`nav-${section}`}>
                {t(label)}
              </p>
              <ul aria-labelledby={`nav-${section}`}>
                {shown.map((entry) => (
                  <NavItem key={entry.path} entry={entry} isCurrent={entry.path === current} />
                ))}
              </ul>
            </div>
          );
        })}
      </nav>
      <Account />
    </header>
  );
}

function NavItem({ entry, isCurrent }: { entry: Entry; isCurrent: boolean }) {
  return (
    <li>
      <Link to={entry.path} className="nav-link" aria-current={isCurrent ? 'page' : undefined}>
        <Icon name={entry.icon} />
        {t(entry.label)}
      </Link>
    </li>
  );
}

const THEMES: readonly Theme[] = ['system', 'light', 'dark'];

function Account() {
  const { data: me } = useMe();
  const session = useSession();
  const [theme, setTheme] = useTheme();
  return (
    <div className="account">
      {me !== undefined && (
        <p className="account-name">
          <strong>{me.displayName === '' ? me.email : me.displayName}</strong>
          <span className="quiet small">{me.email}</span>
        </p>
      )}
      <label className="account-theme small">
        <span>{t('nav.theme')}</span>
        <select
          value={theme}
          onChange={(event) => setTheme(THEMES.find((one) => one === event.target.value) ?? 'system')}
        >
          {THEMES.map((one) => (
            <option key={one} value={one}>
              {t(`nav.theme.${one}`)}
            </option>
          ))}
        </select>
      </label>
      {session?.acting === undefined && (
        <div className="account-links small">
          <Link to="/account/password">{t('nav.changePassword')}</Link>
          <button type="button" className="button-link" onClick={() => void signOut()}>
            {t('nav.signOut')}
          </button>
        </div>
      )}
    </div>
  );
}

async function signOut(): Promise<void> {
  if (!(await navigate('/'))) return;
  // Whoever leaves is out of this tab even where the service cannot be told.
  await call('signOut', {}, { as: 'own' }).catch(() => undefined);
  forgetSession('left');
}

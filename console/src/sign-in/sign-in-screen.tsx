/**
 * Signing in: at a tenant's own host, or at a path that names it (`/console/sign-in/acme`). An address that belongs to
 * nobody explains itself and asks for the name. A refusal never says which of the two was wrong; a lock says when it ends.
 */
import { type ReactNode, type SyntheticEvent, useState } from 'react';

import { call } from '../api/client.js';
import { asProblem } from '../api/problem.js';
import { howItEnded, openSession } from '../api/session.js';
import { Field, PasswordField } from '../parts/field.js';
import { Icon } from '../parts/icon.js';
import { Notice, Refusal } from '../parts/states.js';
import { navigate, usePlace } from '../router.js';
import { Link } from '../shell/link.js';
import { inSeconds } from '../text/dates.js';
import { t } from '../text/text.js';

const SLUG = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const LAST = 'bailiwick.slug';

function told(name: string): string | undefined {
  const content = document.querySelector(`meta[name="${name}"]`)?.getAttribute('content') ?? '';
  return content === '' ? undefined : content;
}

export function SignInScreen() {
  const { path } = usePlace();
  const named = /^\/sign-in\/([^/]+)$/.exec(path)?.[1];
  // Whoever has signed in here before, and asked for a screen, is not asked where they belong again.
  const slug =
    named ?? told('tenant') ?? (path.startsWith('/sign-in') ? undefined : (sessionStorage.getItem(LAST) ?? undefined));
  return slug === undefined || !SLUG.test(slug) ? <Where /> : <Form key={slug} slug={slug} />;
}

function Page({ title, children }: { title: string; children: ReactNode }) {
  const ended = howItEnded();
  return (
    <main className="sign-in">
      <div className="sign-in-card">
        <span className="brand-mark brand-mark-big">
          <Icon name="shield" size={26} />
        </span>
        <h1>{title}</h1>
        {ended !== undefined && <Notice>{t(ended === 'ended' ? 'signIn.ended' : 'signIn.left')}</Notice>}
        {children}
      </div>
    </main>
  );
}

function Form({ slug }: { slug: string }) {
  const { path, query } = usePlace();
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: SyntheticEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      const body = { email: email.trim(), password, tenant: slug };
      const { accessToken, expiresAt, mustChangePassword } = await call('signIn', { body });
      sessionStorage.setItem(LAST, slug);
      const next = path.startsWith('/sign-in') ? '/' : query.size === 0 ? path : `${path}?${query.toString()}`;
      await navigate(next, { replace: true });
      openSession({ own: { accessToken, expiresAt: Date.parse(expiresAt) }, slug, mustChangePassword });
    } catch (refused) {
      setError(refused);
      setBusy(false);
    }
  };
  const title = slug === 'platform' ? t('signIn.platform') : t('signIn.to', { tenant: slug });
  return (
    <Page title={title}>
      <form onSubmit={(event) => void submit(event)} className="stack">
        {error !== undefined && <SignInRefusal error={error} />}
        <Field
          label={t('signIn.email')}
          type="email"
          autoComplete="username"
          required
          autoFocus
          value={email}
          onChange={setEmail}
        />
        <PasswordField
          label={t('signIn.password')}
          autoComplete="current-password"
          required
          value={password}
          onChange={setPassword}
        />
        <button type="submit" className="button button-main" disabled={isBusy}>
          {t('signIn.submit')}
        </button>
      </form>
      <p className="small">
        <Link to="/sign-in" onClick={() => sessionStorage.removeItem(LAST)}>
          {t('signIn.other')}
        </Link>
      </p>
    </Page>
  );
}

function SignInRefusal({ error }: { error: unknown }) {
  const problem = asProblem(error);
  const when = inSeconds(problem.retryAfterSeconds ?? 60);
  if (problem.code === 'UNAUTHENTICATED') return <Told>{t('signIn.refused')}</Told>;
  if (problem.code === 'SIGN_IN_LOCKED') return <Told>{t('signIn.locked', { when })}</Told>;
  if (problem.code === 'SIGN_IN_THROTTLED') return <Told>{t('signIn.throttled', { when })}</Told>;
  return <Refusal error={error} />;
}

function Told({ children }: { children: ReactNode }) {
  return (
    <div role="alert">
      <Notice kind="bad">{children}</Notice>
    </div>
  );
}

/** At an address that is nobody's: what addresses there are, and a way on. */
function Where() {
  const [slug, setSlug] = useState('');
  const domain = told('domain');
  const isWrong = slug !== '' && !SLUG.test(slug);
  return (
    <Page title={t('signIn.where')}>
      <p className="quiet">
        {t('signIn.where.detail')}{' '}
        {domain !== undefined && t('signIn.where.host', { address: addressOf('acme', domain) })}
      </p>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (SLUG.test(slug)) void navigate(`/sign-in/${slug}`);
        }}
      >
        <Field
          label={t('signIn.slug')}
          hint={t('signIn.slug.hint')}
          fault={isWrong ? t('signIn.slug.wrong') : undefined}
          value={slug}
          autoCapitalize="none"
          spellCheck={false}
          required
          onChange={(value) => setSlug(value.trim())}
        />
        <button type="submit" className="button button-main">
          {t('signIn.continue')}
        </button>
      </form>
      <p className="small">
        <Link to="/sign-in/platform">{t('signIn.asPlatform')}</Link>
      </p>
    </Page>
  );
}

function addressOf(slug: string, domain: string): string {
  const { protocol, port } = window.location;
  return `${protocol}//${slug}.${domain}${port === '' ? '' : `:${port}`}`;
}

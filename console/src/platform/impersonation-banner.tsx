/** While a platform admin acts in a tenant: who, where, why, how long still, and the way out, on every screen. */
import { useEffect, useState } from 'react';

import { call } from '../api/client.js';
import { type Acting, changeSession } from '../api/session.js';
import { Icon } from '../parts/icon.js';
import { useToasts } from '../parts/toasts.js';
import { navigate } from '../router.js';
import { minutesLeft } from '../text/dates.js';
import { problemText } from '../text/problem-text.js';
import { asProblem } from '../api/problem.js';
import { t } from '../text/text.js';

export function ImpersonationBanner({ acting }: { acting: Acting }) {
  const toasts = useToasts();
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  const left = acting.expiresAt - now;
  useEffect(() => {
    if (left > 0) return;
    changeSession({ acting: undefined });
    toasts.say('warn', t('banner.over', { tenant: acting.tenantName }));
    void navigate('/admin/tenants');
  }, [left, toasts, acting.tenantName]);
  const stop = async (): Promise<void> => {
    if (!(await navigate('/admin/tenants'))) return;
    await call('endImpersonation', { path: { id: acting.tenantId } }, { as: 'own' });
    changeSession({ acting: undefined });
  };
  return (
    <section className="banner" aria-label={t('banner.label')}>
      <Icon name="shield" />
      <strong role="status">{t('banner.acting', { tenant: acting.tenantName })}</strong>
      <span>{t('banner.reason', { reason: acting.reason })}</span>
      <span className="grow" />
      <span className="banner-left">{t('banner.left', { time: minutesLeft(left) })}</span>
      <button
        type="button"
        className="button button-small"
        onClick={() => void stop().catch((error: unknown) => toasts.say('bad', problemText(asProblem(error))))}
      >
        {t('banner.stop')}
      </button>
    </section>
  );
}

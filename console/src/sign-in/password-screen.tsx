/**
 * Changing one's own password: forced, after a sign-in with a one-time password, or by choice. Nothing that is typed here
 * is kept; the answer ends every other session and brings a token of the one that is left.
 */
import { type SyntheticEvent, useState } from 'react';

import { call } from '../api/client.js';
import { asProblem } from '../api/problem.js';
import { changeSession, forgetSession } from '../api/session.js';
import { PasswordField } from '../parts/field.js';
import { Icon } from '../parts/icon.js';
import { Refusal } from '../parts/states.js';
import { useToasts } from '../parts/toasts.js';
import { t } from '../text/text.js';

const LENGTH_MIN = 15;

export function ForcedPasswordChange() {
  return (
    <main className="sign-in">
      <div className="sign-in-card">
        <span className="brand-mark brand-mark-big">
          <Icon name="shield" size={26} />
        </span>
        <h1>{t('password.title')}</h1>
        <p className="quiet">{t('password.forced')}</p>
        <PasswordForm currentLabel={t('password.oneTime')} onChanged={() => undefined} />
        <button type="button" className="button-link small" onClick={() => forgetSession('left')}>
          {t('nav.signOut')}
        </button>
      </div>
    </main>
  );
}

export function PasswordScreen() {
  const toasts = useToasts();
  const [round, setRound] = useState(0);
  return (
    <div className="narrow">
      <h1>{t('nav.changePassword')}</h1>
      <PasswordForm
        key={round}
        currentLabel={t('password.current')}
        onChanged={() => {
          setRound(round + 1);
          toasts.say('good', t('password.saved'));
        }}
      />
    </div>
  );
}

function PasswordForm({ currentLabel, onChanged }: { currentLabel: string; onChanged: () => void }) {
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const [again, setAgain] = useState('');
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const short = LENGTH_MIN - next.length;
  const differs = again !== '' && again !== next;
  const submit = async (event: SyntheticEvent): Promise<void> => {
    event.preventDefault();
    if (short > 0 || again !== next) return;
    setBusy(true);
    setError(undefined);
    try {
      const body = { currentPassword: current, newPassword: next };
      const { accessToken, expiresAt } = await call('changePassword', { body }, { as: 'own' });
      changeSession({ own: { accessToken, expiresAt: Date.parse(expiresAt) }, mustChangePassword: false });
      onChanged();
    } catch (refused) {
      setError(refused);
    } finally {
      setBusy(false);
    }
  };
  const isWrong = error !== undefined && asProblem(error).code === 'CURRENT_PASSWORD_WRONG';
  return (
    <form className="stack" onSubmit={(event) => void submit(event)}>
      {error !== undefined && !isWrong && <Refusal error={error} />}
      <PasswordField
        label={currentLabel}
        autoComplete="current-password"
        required
        value={current}
        fault={isWrong ? t('password.wrong') : undefined}
        onChange={setCurrent}
      />
      <PasswordField
        label={t('password.new')}
        autoComplete="new-password"
        required
        hint={t('password.hint')}
        fault={next !== '' && short > 0 ? t('password.short', { count: short }) : undefined}
        value={next}
        onChange={setNext}
      />
      <PasswordField
        label={t('password.again')}
        autoComplete="new-password"
        required
        fault={differs ? t('password.differ') : undefined}
        value={again}
        onChange={setAgain}
      />
      <button type="submit" className="button button-main" disabled={isBusy}>
        {t('password.save')}
      </button>
    </form>
  );
}

/**
 * A one-time password, shown once. It lives in the memory of this dialog and nowhere else: not in an address, not in the
 * browser's storage, not among what was read from the service. The dialog cannot be left before its reader says that they
 * have it; a page that is loaded anew has forgotten it, and another can be issued.
 */
import { useState } from 'react';

import { Dialog } from '../parts/dialog.js';
import { Notice } from '../parts/states.js';
import { t, type TextKey } from '../text/text.js';

export interface OneTimePassword {
  readonly name: string;
  readonly password: string | null;
  readonly mail: 'queued' | 'no-mailer' | 'unmailable';
}

const MAIL: Readonly<Record<OneTimePassword['mail'], TextKey>> = {
  queued: 'otp.mail.queued',
  'no-mailer': 'otp.mail.no-mailer',
  unmailable: 'otp.mail.unmailable',
};

export function OneTimePasswordDialog({ given, onClose }: { given: OneTimePassword; onClose: () => void }) {
  const { name, password, mail } = given;
  const [isShown, setShown] = useState(false);
  const [hasCopied, setCopied] = useState(false);
  const isLocked = password !== null && !hasCopied;
  const done = (
    <button type="button" className="button button-main" disabled={isLocked} onClick={onClose}>
      {t('common.done')}
    </button>
  );
  return (
    <Dialog title={t('otp.title', { name })} actions={done} locked={isLocked} onClose={onClose}>
      {password === null ? (
        <p>{t('otp.mailedOnly')}</p>
      ) : (
        <div className="stack">
          <p>{t('otp.text')}</p>
          <div className="secret">
            <output className="mono" aria-label={t('otp.label')}>
              {isShown ? password : '•'.repeat(password.length)}
            </output>
            <button
              type="button"
              className="button button-small"
              aria-pressed={isShown}
              onClick={() => setShown(!isShown)}
            >
              {t(isShown ? 'otp.hide' : 'otp.show')}
            </button>
            <CopyButton text={password} />
          </div>
          <p className="small quiet">{t(MAIL[mail])}</p>
          <label className="check-line">
            <input type="checkbox" checked={hasCopied} onChange={(event) => setCopied(event.target.checked)} />
            {t('otp.copied')}
          </label>
        </div>
      )}
      {password === null && <Notice>{t(MAIL[mail])}</Notice>}
    </Dialog>
  );
}

export function CopyButton({ text }: { text: string }) {
  const [hasCopied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
  };
  return (
    <button type="button" className="button button-small" onClick={() => void copy().catch(() => undefined)}>
      {t(hasCopied ? 'common.copied' : 'common.copy')}
    </button>
  );
}

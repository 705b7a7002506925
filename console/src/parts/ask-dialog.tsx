import type { ReactNode } from 'react';

import { t } from '../text/text.js';
import { Dialog } from './dialog.js';
import { onPress } from './press.js';
import { Refusal } from './states.js';

interface AskDialogProps {
  readonly title: string;
  readonly text: string;
  readonly act: string;
  readonly isBusy: boolean;
  readonly error: unknown;
  readonly onAct: () => void;
  readonly onClose: () => void;
  readonly children?: ReactNode;
}

/** A dialog that asks before something is taken away. */
export function AskDialog({ title, text, act, isBusy, error, onAct, onClose, children }: AskDialogProps) {
  const actions = (
    <>
      <button type="button" className="button" onClick={onClose}>
        {t('common.cancel')}
      </button>
      <button type="button" className="button button-danger" disabled={isBusy} onClick={onPress(onAct)}>
        {act}
      </button>
    </>
  );
  return (
    <Dialog title={title} actions={actions} onClose={onClose}>
      <div className="stack">
        {error !== undefined && <Refusal error={error} />}
        <p>{text}</p>
        {children}
      </div>
    </Dialog>
  );
}

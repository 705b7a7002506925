import { type ReactNode, type SyntheticEvent, useId } from 'react';

import { t } from '../text/text.js';
import { Dialog } from './dialog.js';

interface FormDialogProps {
  readonly title: string;
  readonly save: string;
  readonly isBusy: boolean;
  readonly submit: () => void;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/** A dialog that is one form. */
export function FormDialog({ title, save, isBusy, submit, onClose, children }: FormDialogProps) {
  const form = useId();
  const actions = (
    <>
      <button type="button" className="button" onClick={onClose}>
        {t('common.cancel')}
      </button>
      <button type="submit" form={form} className="button button-main" disabled={isBusy}>
        {save}
      </button>
    </>
  );
  const onSubmit = (event: SyntheticEvent): void => {
    event.preventDefault();
    submit();
  };
  return (
    <Dialog title={title} actions={actions} onClose={onClose}>
      <form id={form} className="stack" onSubmit={onSubmit}>
        {children}
      </form>
    </Dialog>
  );
}

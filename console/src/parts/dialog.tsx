/**
 * Dialogs and drawers on the browser's own `<dialog>`: it keeps the focus inside, makes the rest inert and gives the focus
 * back. `locked` ones cannot be left by Escape or a click beside them: something in them is shown this once.
 */
import { type ReactNode, useId, useLayoutEffect, useRef } from 'react';

import { t } from '../text/text.js';
import { Icon } from './icon.js';

interface DialogProps {
  readonly title: string;
  readonly children: ReactNode;
  /** Buttons at the end. */
  readonly actions?: ReactNode;
  readonly onClose: () => void;
  readonly locked?: boolean;
  readonly kind?: 'modal' | 'wide' | 'drawer';
  /** Below the title of a drawer. */
  readonly subtitle?: ReactNode;
}

export function Dialog({ title, children, actions, onClose, locked = false, kind = 'modal', subtitle }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  // Closed before it leaves the document: one that is out of it gives no focus back.
  useLayoutEffect(() => {
    const shown = dialog.current;
    if (shown !== null && !shown.open) shown.showModal();
    return () => shown?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className={`dialog dialog-${kind}`}
      aria-labelledby={titleId}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        // Ours to judge: a browser closes on a second Escape whatever `cancel` was told.
        event.preventDefault();
        event.stopPropagation();
        if (!locked) onClose();
      }}
      onCancel={(event) => {
        event.preventDefault();
      }}
      onMouseDown={(event) => {
        // A double click that opened the dialog does not close it.
        if (event.target === dialog.current && event.detail < 2 && !locked) onClose();
      }}
    >
      <div className="dialog-frame">
        <header className="dialog-head">
          <div>
            <h2 id={titleId}>{title}</h2>
            {subtitle !== undefined && <div className="dialog-subtitle">{subtitle}</div>}
          </div>
          {!locked && (
            <button type="button" className="button-icon" aria-label={t('common.close')} onClick={onClose}>
              <Icon name="close" />
            </button>
          )}
        </header>
        <div className="dialog-body">{children}</div>
        {actions !== undefined && <footer className="dialog-actions">{actions}</footer>}
      </div>
    </dialog>
  );
}

export function Drawer(props: Omit<DialogProps, 'kind' | 'locked'>) {
  return <Dialog {...props} kind="drawer" />;
}

/**
 * Short messages at the foot: what was saved, whether it is in force yet, and for ten seconds the way back. They lie on
 * nothing: what stands above them is that much lower while they are shown. tests/console/toasts.test.ts.
 *
 * A save answers with a sync token and whether it is in force. Where it is not, the service is asked until it is, and the
 * message changes; two stores are not pretended to be one.
 */
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react';

import { call } from '../api/client.js';
import { useMe } from '../api/me.js';
import { rememberSyncToken } from '../api/sync.js';
import { t } from '../text/text.js';
import { Icon } from './icon.js';

export interface Receipt {
  readonly syncToken: string;
  readonly applied: boolean;
  readonly changed?: boolean;
}

interface Toast {
  readonly id: number;
  readonly kind: 'good' | 'warn' | 'bad';
  readonly text: string;
  readonly undo?: (() => void) | undefined;
}

interface Toasts {
  /** Says that something was saved, what, and whether it is in force. */
  readonly saved: (receipt: Receipt, more?: { readonly what?: string; readonly undo?: () => void }) => void;
  readonly say: (kind: Toast['kind'], text: string) => void;
}

const Context = createContext<Toasts>({ saved: () => undefined, say: () => undefined });
const Shown = createContext<{ toasts: readonly Toast[]; drop: (id: number) => void }>({
  toasts: [],
  drop: () => undefined,
});
export const useToasts = (): Toasts => useContext(Context);

const SHOWN_MS = 10_000;

export function ToastHost({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const next = useRef(0);
  const me = useMe();
  const tenantId = me.data?.tenantId;
  const userId = me.data?.userId;

  const drop = useCallback((id: number) => setToasts((all) => all.filter((toast) => toast.id !== id)), []);
  const show = useCallback(
    (toast: Omit<Toast, 'id'>): number => {
      const id = (next.current += 1);
      setToasts((all) => [...all.slice(-2), { ...toast, id }]);
      setTimeout(() => drop(id), SHOWN_MS);
      return id;
    },
    [drop],
  );
  const change = useCallback((id: number, toast: Partial<Toast>) => {
    setToasts((all) => all.map((one) => (one.id === id ? { ...one, ...toast } : one)));
  }, []);

  const api = useMemo<Toasts>(() => {
    const sentence = (what: string | undefined, text: string): string =>
      what === undefined ? text : `${what} ${text}`;
    return {
      say: (kind, text) => void show({ kind, text }),
      saved: (receipt, { what, undo } = {}) => {
        rememberSyncToken(receipt.syncToken);
        if (receipt.changed === false) {
          show({ kind: 'good', text: sentence(what, t('saved.nothing')) });
          return;
        }
        const pending = { kind: 'warn', text: sentence(what, t('saved.pending')), undo } as const;
        const inForce = { kind: 'good', text: sentence(what, t('saved.inForce')), undo } as const;
        const id = show(receipt.applied ? inForce : pending);
        if (receipt.applied || userId === undefined || typeof tenantId !== 'string') return;
        awaitInForce({ userId, tenantId }, receipt.syncToken).then(
          () => change(id, inForce),
          () => change(id, { kind: 'bad', text: sentence(what, t('saved.behind')) }),
        );
      },
    };
  }, [show, change, tenantId, userId]);

  const shown = useMemo(() => ({ toasts, drop }), [toasts, drop]);
  return (
    <Context value={api}>
      <Shown value={shown}>{children}</Shown>
    </Context>
  );
}

/** Where the messages are shown. */
export function ToastList() {
  const { toasts, drop } = useContext(Shown);
  useFocusInView(toasts.length);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {toasts.map((toast) => (
        <div key={toast.id} className={`toast toast-${toast.kind}`}>
          <Icon name={toast.kind === 'good' ? 'check' : 'alert'} />
          <span>{toast.text}</span>
          {toast.undo !== undefined && (
            <button
              type="button"
              className="button-link"
              onClick={() => {
                drop(toast.id);
                toast.undo?.();
              }}
            >
              {t('common.undo')}
            </button>
          )}
          <button type="button" className="button-icon" aria-label={t('common.dismiss')} onClick={() => drop(toast.id)}>
            <Icon name="close" size={14} />
          </button>
        </div>
      ))}
    </div>
  );
}

/** Where a message takes the room of what has the focus, or is given it back by a dialog, that is scrolled into view. */
function useFocusInView(count: number): void {
  useLayoutEffect(() => {
    if (count === 0) return;
    const show = (): void => {
      if (document.activeElement !== document.body) document.activeElement?.scrollIntoView({ block: 'nearest' });
    };
    show();
    document.addEventListener('focusin', show);
    return () => document.removeEventListener('focusin', show);
  }, [count]);
}

/** Resolves once an answer carries the token; rejects where the engine stays behind. */
async function awaitInForce(who: { userId: string; tenantId: string }, syncToken: string): Promise<void> {
  const body = { user: who.userId, tenant: who.tenantId, permission: 'users.read', syncToken };
  await call('check', { body });
}

/**
 * Renews the person's own token while somebody is at work in this tab, also while they act in a tenant, so that stopping
 * brings them back to a session that still holds. Nobody at work for half an hour, and the service lets it end.
 */
import { call } from './client.js';
import { changeSession, currentSession, subscribeSession } from './session.js';

const CHECK_MS = 20_000;
/** Before the end by this much, or at half of what is left at first, whichever is later. */
const EARLY_MS = 6 * 60_000;

/** Starts it; returns what ends it. */
export function keepSession(): () => void {
  let wasAtWork = true;
  const atWork = (): void => {
    wasAtWork = true;
  };
  const check = async (): Promise<void> => {
    const session = currentSession();
    if (session === undefined || session.mustChangePassword || !wasAtWork) return;
    if (session.own.expiresAt - Date.now() > EARLY_MS) return;
    wasAtWork = false;
    const { accessToken, expiresAt } = await call('renewToken', {}, { as: 'own' });
    changeSession({ own: { accessToken, expiresAt: Date.parse(expiresAt) } });
  };
  // A renewal that fails for want of the service is tried again; one that is refused has ended the session already.
  const timer = setInterval(() => void check().catch(() => undefined), CHECK_MS);
  for (const event of ['pointerdown', 'keydown'] as const) window.addEventListener(event, atWork, { passive: true });
  const unsubscribe = subscribeSession(atWork);
  return () => {
    clearInterval(timer);
    unsubscribe();
    for (const event of ['pointerdown', 'keydown'] as const) window.removeEventListener(event, atWork);
  };
}

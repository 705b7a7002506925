/**
 * How a one-time password reaches its owner: by mail where there is a mailer, and by the administrator who caused it,
 * whom the tenant may leave out of it.
 */
import type { Tx } from '../platform/postgres.js';
import type { EnqueueMail } from '../shared/mail.js';
import { findMailFacts } from './user-store.js';

/** Gives the user a one-time password, which ends their sessions and the lock of failed sign-ins. */
export type SetOneTimePassword = (tx: Tx, userId: string) => Promise<{ readonly oneTimePassword: string }>;

export interface PasswordPost {
  /** Undefined where nobody signs in here. */
  readonly setOneTimePassword?: SetOneTimePassword;
  readonly enqueueMail: EnqueueMail<Tx>;
  /** Where a tenant signs in, as an http(s) address. */
  readonly signInUrlOf: (slug: string) => string;
  readonly now: () => Date;
}

/** What the administrator's answer says; the password where they are to see it. */
export interface HandedOver {
  readonly oneTimePassword: string | null;
  readonly mail: 'queued' | 'no-mailer' | 'unmailable';
}

const DAY_MS = 24 * 3_600_000;

/** Makes one and sends it on its way, in the transaction of the change. */
export async function handOver(
  tx: Tx,
  whose: {
    readonly tenantId: string;
    readonly userId: string;
    readonly template: 'one-time-password' | 'password-reset';
  },
  { setOneTimePassword, enqueueMail, signInUrlOf, now }: PasswordPost,
): Promise<HandedOver> {
  if (setOneTimePassword === undefined) return { oneTimePassword: null, mail: 'no-mailer' };
  const { tenantId, userId, template } = whose;
  const { oneTimePassword } = await setOneTimePassword(tx, userId);
  const facts = await findMailFacts(tx, tenantId, userId);
  if (facts === undefined) throw new Error('the user is gone from under the lock');
  const mail = await enqueueMail(tx, {
    template,
    tenantId,
    to: { address: facts.email, name: facts.displayName },
    variables: {
      tenantName: facts.tenantName,
      signInUrl: signInUrlOf(facts.slug),
      oneTimePassword,
      expiresAt: new Date(now().getTime() + DAY_MS).toISOString(),
    },
  });
  // Whoever is not mailed has it from the administrator, whatever the tenant would rather have.
  const isShown = facts.showOneTimePasswords || mail !== 'queued';
  return { oneTimePassword: isShown ? oneTimePassword : null, mail };
}

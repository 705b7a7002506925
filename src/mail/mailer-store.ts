/**
 * SQL for `identity.mailer`, the one row that says how mail is sent, and for what is written down about it.
 *
 * All but `hasMailer` ask for a transaction that acts for the platform. The password comes and goes sealed.
 */
import type { Tx } from '../platform/postgres.js';
import type { SmtpSecurity } from '../platform/smtp.js';

export interface MailerRow {
  readonly host: string;
  readonly port: number;
  readonly security: SmtpSecurity;
  readonly username: string | null;
  /** Sealed. */
  readonly password: Uint8Array | null;
  readonly fromAddress: string;
  readonly fromName: string;
  readonly updatedAt: Date;
  readonly updatedBy: string;
}

/** Undefined where no mailer has been set. `lock` holds it until the transaction ends. */
export async function findMailer(tx: Tx, { lock = false } = {}): Promise<MailerRow | undefined> {
  const { rows } = await tx.query<MailerRow>({
    text: `
      select host, port, security, username, password, from_address as "fromAddress", from_name as "fromName",
             updated_at as "updatedAt", updated_by as "updatedBy"
      from identity.mailer
      ${lock ? 'for update' : ''}`,
  });
  return rows[0];
}

/** Whether a mailer has been set; may be asked in a transaction of any tenant. */
export async function hasMailer(tx: Tx): Promise<boolean> {
  const { rows } = await tx.query<{ isSet: boolean }>({
    name: 'has-mailer',
    text: 'select identity.has_mailer() as "isSet"',
  });
  return rows[0]?.isSet === true;
}

/** Sets the mailer; resolves to it. */
export async function replaceMailer(tx: Tx, mailer: Omit<MailerRow, 'updatedAt'>): Promise<MailerRow> {
  const { rows } = await tx.query<MailerRow>({
    text: `
      insert into identity.mailer (host, port, security, username, password, from_address, from_name, updated_by)
      values ($1::text, $2::int, $3::text, $4::text, $5::bytea, $6::text, $7::text, $8::text)
      on conflict (only_row) do update
      set host = excluded.host, port = excluded.port, security = excluded.security, username = excluded.username,
          password = excluded.password, from_address = excluded.from_address, from_name = excluded.from_name,
          updated_by = excluded.updated_by, updated_at = now()
      returning host, port, security, username, password, from_address as "fromAddress", from_name as "fromName",
                updated_at as "updatedAt", updated_by as "updatedBy"`,
    values: [
      mailer.host,
      mailer.port,
      mailer.security,
      mailer.username,
      mailer.password,
      mailer.fromAddress,
      mailer.fromName,
      mailer.updatedBy,
    ],
  });
  const [row] = rows;
  if (row === undefined) throw new Error('the mailer was not written');
  return row;
}

/** The platform stands as a tenant of its own among the tenants' events. */
export async function insertMailerEvent(
  tx: Tx,
  event: {
    readonly type: 'MAILER_UPDATED' | 'MAIL_TEST_SENT';
    readonly actorUserId: string;
    readonly details: Readonly<Record<string, unknown>>;
  },
): Promise<void> {
  await tx.query({
    text: `
      insert into identity.tenant_audit (tenant_id, event_type, actor_user_id, details)
      values ('platform', $1::text, $2::text, $3::jsonb)`,
    values: [event.type, event.actorUserId, JSON.stringify(event.details)],
  });
}

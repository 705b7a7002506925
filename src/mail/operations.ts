/**
 * The mailer's operations of the contract: read, replace, try out.
 *
 * INVARIANT: a change and the event that tells of it commit together, neither an answer nor an event holds the password,
 * and no event the address that a test went to. tests/integration/mailer.test.ts.
 */
import { randomUUID } from 'node:crypto';

import { refuseWhileImpersonating, requireUser } from '../audit/change.js';
import type { Mailer, MailerChange } from '../contract/api.js';
import type { Pool, Tx } from '../platform/postgres.js';
import type { Seal } from '../platform/seal.js';
import type { Operations } from '../shared/operation.js';
import { Problem } from '../shared/problem.js';
import type { FieldFault } from '../shared/problem.js';
import { isMailAddress, oneLine } from './address.js';
import { findMailer, insertMailerEvent, replaceMailer } from './mailer-store.js';
import type { MailerRow } from './mailer-store.js';
import { readOutbox } from './outbox-store.js';
import { PASSWORD_PLACE } from './post-office.js';
import type { PostOffice } from './post-office.js';
import { renderTemplate } from './templates.js';

const PLATFORM = { settings: { 'bailiwick.platform': 'on' } };
/** Kept of the request's time for writing down what came of a test. */
const RESERVE_MS = 100;
/** A password that goes there in the clear leaves no machine. */
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/i;

export function mailOperations({ pool, office }: { readonly pool: Pool; readonly office: PostOffice }) {
  return {
    async getMailer() {
      return { status: 200, body: await pool.transaction((tx) => describe(tx, office), PLATFORM) };
    },
    async replaceMailer({ body }, context) {
      refuseWhileImpersonating(context);
      const seal = requireSeal(office);
      const { actorUserId } = requireUser(context);
      const mailer = await pool.transaction(async (tx) => {
        const before = await findMailer(tx, { lock: true });
        const row = await replaceMailer(tx, { ...judge(body, before, seal), updatedBy: actorUserId });
        const details = {
          before: before === undefined ? null : settingsOf(before),
          after: settingsOf(row),
          passwordChanged: body.password !== undefined,
        };
        await insertMailerEvent(tx, { type: 'MAILER_UPDATED', actorUserId, details });
        return await describe(tx, office);
      }, PLATFORM);
      return { status: 200, body: mailer };
    },
    async testMailer({ body: { to } }, context) {
      refuseWhileImpersonating(context);
      const { actorUserId } = requireUser(context);
      requireSeal(office);
      if (!isMailAddress(to)) throw invalid([{ field: 'to', message: 'is not a mail address' }]);
      const outlet = await pool.transaction((tx) => office.outlet(tx), PLATFORM);
      if (outlet === undefined) throw new Problem('MAILER_NOT_READY', 'no mailer is set: set one first');
      const { kind: delivery, via, from, transport } = outlet;
      const mail = { id: randomUUID(), from, to: { address: to, name: '' }, ...renderTemplate('test', { host: via }) };
      const { deadline } = context;
      const timeoutMs = Math.max(1, deadline.remainingMs() - RESERVE_MS);
      const sent = await transport.send(mail, { timeoutMs, signal: deadline.signal });
      const { outcome } = sent;
      const domain = to.slice(to.lastIndexOf('@') + 1);
      const reply = withoutAddress(sent.reply, { address: to, shown: `***@${domain}` });
      await pool.transaction(
        (tx) => insertMailerEvent(tx, { type: 'MAIL_TEST_SENT', actorUserId, details: { domain, outcome } }),
        PLATFORM,
      );
      if (outcome !== 'sent') throw new Problem('MAIL_FAILED', reply === '' ? 'the mail could not be sent' : reply);
      return { status: 200, body: { delivery, reply } };
    },
  } satisfies Pick<Operations, 'getMailer' | 'replaceMailer' | 'testMailer'>;
}

/** What the server said, where it repeats the address: a refusal is logged, and logs name nobody. */
function withoutAddress(reply: string, { address, shown }: { address: string; shown: string }): string {
  return reply.replaceAll(new RegExp(address.replaceAll(/[$()*+./?[\\\]^{|}-]/g, '\\$&'), 'gi'), () => shown);
}

/** What the caller is shown; the password is not in it. */
async function describe(tx: Tx, office: PostOffice): Promise<Mailer> {
  const outlet = await office.outlet(tx);
  const row = await findMailer(tx);
  const { pending, oldestAt, lastError } = await readOutbox(tx);
  return {
    delivery: outlet?.kind ?? 'none',
    settings:
      row === undefined
        ? null
        : { ...settingsOf(row), updatedAt: row.updatedAt.toISOString(), updatedBy: row.updatedBy },
    outbox: { pending, oldestAt: oldestAt?.toISOString() ?? null, lastError },
  };
}

function settingsOf({ host, port, security, username, password, fromAddress, fromName }: MailerRow) {
  return { host, port, security, username, hasPassword: password !== null, fromAddress, fromName };
}

/** The row that the change asks for. Throws Problem INVALID_REQUEST, which names every field at fault. */
function judge(
  body: MailerChange,
  before: MailerRow | undefined,
  seal: Seal,
): Omit<MailerRow, 'updatedAt' | 'updatedBy'> {
  const { host, port, security, fromAddress } = body;
  const username = body.username ?? null;
  const kept = body.password === undefined && username !== null ? (before?.password ?? null) : null;
  const hasPassword = kept !== null || typeof body.password === 'string';
  const isSameServer = before?.host === host && before.port === port && before.security === security;
  const faults: FieldFault[] = [];
  const need = (holds: boolean, field: string, message: string): unknown => holds || faults.push({ field, message });
  need(isMailAddress(fromAddress), 'fromAddress', 'is not a mail address');
  need(username === null || oneLine(username, 254) === username, 'username', 'holds a character that it may not');
  need(username !== null || typeof body.password !== 'string', 'username', 'is missing: there is a password');
  need(kept === null || isSameServer, 'password', 'must be sent again, or null: it was given for another server');
  need(
    !hasPassword || security !== 'none' || LOOPBACK.test(host),
    'security',
    'must not be `none` with a password, except for a server on this machine',
  );
  if (faults.length > 0) throw invalid(faults);
  const password = typeof body.password === 'string' ? seal.seal(body.password, PASSWORD_PLACE) : kept;
  return { host, port, security, username, password, fromAddress, fromName: oneLine(body.fromName ?? '', 200) };
}

function requireSeal({ seal }: PostOffice): Seal {
  if (seal !== undefined) return seal;
  throw new Problem('MAILER_NOT_READY', 'the service was started without `BAILIWICK_MAIL_SECRET_KEY`');
}

function invalid(errors: readonly FieldFault[]): Problem {
  return new Problem('INVALID_REQUEST', errors.map(({ field, message }) => `\`${field}\` ${message}`).join('; '), {
    errors,
  });
}

/** Queues mails in the transaction of the change that they tell about, and reads back what was queued. */
import { randomUUID } from 'node:crypto';

import { z } from 'zod';

import type { Tx } from '../platform/postgres.js';
import type { Seal } from '../platform/seal.js';
import type { EnqueueMail } from '../shared/mail.js';
import { isMailAddress } from './address.js';
import { hasMailer } from './mailer-store.js';
import { insertMail } from './outbox-store.js';
import type { LeasedMail } from './outbox-store.js';
import type { PostOffice } from './post-office.js';

/** See EnqueueMail in src/shared/mail.ts. */
export function createEnqueueMail({ seal, hasMailbox }: PostOffice): EnqueueMail<Tx> {
  return async (tx, { template, variables, to, tenantId, expiresAt }) => {
    if (seal === undefined) return 'no-mailer';
    if (!hasMailbox && !(await hasMailer(tx))) return 'no-mailer';
    if (!isMailAddress(to.address)) return 'unmailable';
    const id = randomUUID();
    const values: Content['values'] = { ...variables, displayName: to.name };
    const content = seal.seal(JSON.stringify({ name: to.name, values } satisfies Content), placeOf(id));
    await insertMail(tx, { id, tenantId, toAddress: to.address, template, content, expiresAt });
    return 'queued';
  };
}

const contentSchema = z.object({ name: z.string(), values: z.record(z.string(), z.string()) });
type Content = z.infer<typeof contentSchema>;

/** What a queued mail is filled with. Throws SealError where it was sealed under another key. */
export function openContent(mail: Pick<LeasedMail, 'id' | 'content'>, seal: Seal): Content {
  return contentSchema.parse(JSON.parse(seal.open(mail.content, placeOf(mail.id))));
}

/** A sealed content that is moved to another mail does not open: nobody's password goes to somebody else. */
function placeOf(id: string): string {
  return `mail:${id}`;
}

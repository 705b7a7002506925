/**
 * What the service of a data directory keeps from one start to the next: the passwords of its logins and of two people
 * of the demo world, and its keys.
 *
 * The database holds only a hash of the key; here it is kept whole, so that `npm run env` can print it at every start.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { join } from 'node:path';

import { z } from 'zod';

import { newSealKey } from '../platform/seal.js';
import { newServiceKey } from '../platform/service-key.js';
import { readIfPresent, writePrivately } from './private-file.js';

const secretsSchema = z.object({
  servicePassword: z.string().min(1),
  syncPassword: z.string().min(1),
  operatorPassword: z.string().min(1),
  serviceKey: z.string().min(1),
  /** Mail is sealed with it. */
  mailSecretKey: z.string().min(1),
  /** Signs the audit log's checkpoints: base64 of an Ed25519 key's 32 bytes. */
  auditKey: z.string().min(1),
  auditPublicKey: z.string().min(1),
  /** Seals what tokens are signed with. */
  signingSecret: z.string().min(32),
  tenantAdminPassword: z.string().min(15),
  platformAdminPassword: z.string().min(15),
});

export type Secrets = z.infer<typeof secretsSchema>;

/**
 * Reads the secrets; what is missing is made and saved: all of them at the first start, and later what an earlier version
 * did not have. The database is told of them at every start.
 */
export function loadSecrets(dataDir: string): Secrets {
  const path = join(dataDir, 'service.json');
  const kept = z.record(z.string(), z.string().min(1)).safeParse(asJson(readIfPresent(path))).data ?? {};
  const whole = secretsSchema.safeParse(kept);
  if (whole.success) return whole.data;
  const fresh = secretsSchema.parse({
    servicePassword: newPassword(),
    syncPassword: newPassword(),
    operatorPassword: newPassword(),
    serviceKey: newServiceKey().key,
    mailSecretKey: newSealKey(),
    ...newAuditKey(),
    signingSecret: newPassword(),
    tenantAdminPassword: newPassword(),
    platformAdminPassword: newPassword(),
    ...kept,
  });
  writePrivately(path, `${JSON.stringify(fresh, null, 2)}\n`);
  return fresh;
}

function asJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}

function newAuditKey(): Pick<Secrets, 'auditKey' | 'auditPublicKey'> {
  const { d = '', x = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  const base64 = (text: string): string => Buffer.from(text, 'base64url').toString('base64');
  return { auditKey: base64(d), auditPublicKey: base64(x) };
}

/** Letters and digits alone, so that it needs no quoting in a URL, in SQL or in a shell. */
function newPassword(): string {
  return randomBytes(24).toString('hex');
}

/**
 * What the service of a data directory keeps from one start to the next: the passwords of its logins, its key, and the
 * key that mail is sealed with.
 *
 * The database holds only a hash of the key; here it is kept whole, so that `npm run env` can print it at every start.
 */
import { randomBytes } from 'node:crypto';
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
  // What was kept before there was mail lacks it.
  mailSecretKey: z.string().min(1).default(newSealKey),
});

export type Secrets = z.infer<typeof secretsSchema>;

/** Reads the secrets, or makes and saves new ones: the database is told of them at every start. */
export function loadSecrets(dataDir: string): Secrets {
  const path = join(dataDir, 'service.json');
  const text = readIfPresent(path);
  const kept = secretsSchema.safeParse(asJson(text));
  if (kept.success) {
    if (text?.includes(kept.data.mailSecretKey) !== true) save(path, kept.data);
    return kept.data;
  }
  const fresh: Secrets = {
    servicePassword: newPassword(),
    syncPassword: newPassword(),
    operatorPassword: newPassword(),
    serviceKey: newServiceKey().key,
    mailSecretKey: newSealKey(),
  };
  save(path, fresh);
  return fresh;
}

function save(path: string, secrets: Secrets): void {
  writePrivately(path, `${JSON.stringify(secrets, null, 2)}\n`);
}

function asJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}

/** Letters and digits alone, so that it needs no quoting in a URL, in SQL or in a shell. */
function newPassword(): string {
  return randomBytes(24).toString('hex');
}

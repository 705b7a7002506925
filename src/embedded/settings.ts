/**
 * What a data directory keeps from one start to the next: passwords, and the ports used last.
 *
 * Written before the cluster is made, so that a kill at any moment leaves no cluster whose password is lost.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

import { z } from 'zod';

import { readIfPresent, writePrivately } from './private-file.js';
import { StartFailure } from './start-failure.js';

const port = z.number().int().min(1).max(65_535);
const settingsSchema = z.object({
  superuserPassword: z.string().min(1),
  enginePassword: z.string().min(1),
  ports: z.object({ postgres: port.optional(), engineHttp: port.optional(), engineGrpc: port.optional() }),
});

export type Settings = z.infer<typeof settingsSchema>;
export type RememberedPorts = Settings['ports'];

const fileOf = (dataDir: string): string => join(dataDir, 'settings.json');

/** Reads the settings; where there are none and no cluster needs them, makes new ones and saves them. */
export function loadSettings(dataDir: string, clusterExists: boolean): Settings {
  const text = readIfPresent(fileOf(dataDir));
  if (text === undefined && !clusterExists) {
    const fresh: Settings = { superuserPassword: newPassword(), enginePassword: newPassword(), ports: {} };
    saveSettings(dataDir, fresh);
    return fresh;
  }
  try {
    return settingsSchema.parse(JSON.parse(text ?? ''));
  } catch (error) {
    throw new StartFailure(
      `\`${fileOf(dataDir)}\` is missing or damaged, and with it the password of the database beside it: ` +
        'start anew with `npm start -- --reset`',
      { cause: error },
    );
  }
}

export function saveSettings(dataDir: string, settings: Settings): void {
  writePrivately(fileOf(dataDir), `${JSON.stringify(settings, null, 2)}\n`);
}

/** Letters and digits alone, so that it needs no quoting in a URL, in SQL or in a shell. */
function newPassword(): string {
  return randomBytes(24).toString('hex');
}

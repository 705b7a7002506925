/**
 * The service itself, in this process, with the settings of a laptop: loopback trusted, everything on 127.0.0.1.
 *
 * Its settings are those of `serve`, read from the same variables; only where the stores are and whom to trust is said
 * here. A port that was free a moment ago can be taken now: the start then tries the next one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';

import { compose } from '../compose.js';
import type { Service } from '../compose.js';
import { readConfig } from '../config.js';
import type { Config } from '../config.js';
import type { DatabaseUrls } from './database.js';
import type { Environment } from './paths.js';
import { findFreePort, isPortFree } from './ports.js';
import { StartFailure, errorCode } from './start-failure.js';

const FIRST_PORT = 7080;
const START_TRIES = 10;
/** A service that has lost its database or engine may wait for it at the end: not for ever. */
const STOP_TIMEOUT_MS = 15_000;

export interface ServiceOptions {
  readonly env: Environment;
  readonly urls: DatabaseUrls;
  readonly engine: { readonly url: string; readonly storeId: string };
  /** The key that mail is sealed with, and the folder that it lands in where no mailer is set. */
  readonly mail: { readonly secretKey: string; readonly mailboxDir: string };
  readonly audit: { readonly key: string; readonly checkpointFile: string };
  readonly signingSecret: string;
  readonly log: Logger;
  /** Gives up a start that is under way. */
  readonly signal: AbortSignal;
}

/** Starts the service, on the next free ports where 7080 and 7081 are taken and the environment names no others. */
export async function startService(options: ServiceOptions): Promise<Service> {
  for (let tried = 1; ; tried += 1) {
    const { config, isPortGiven } = await chooseConfig(options);
    const service = compose(config, options.log);
    try {
      await startOrGiveUp(service, options.signal);
      return service;
    } catch (error) {
      // Another program took the port since we looked.
      if (errorCode(error) !== 'EADDRINUSE' || isPortGiven || tried >= START_TRIES) throw error;
    }
  }
}

/** Lets what is under way end, within bounds. */
export async function stopService(service: Service): Promise<void> {
  service.drain();
  const bounded = new AbortController();
  try {
    await Promise.race([service.stop(), sleep(STOP_TIMEOUT_MS, undefined, { signal: bounded.signal, ref: false })]);
  } finally {
    bounded.abort();
  }
}

async function startOrGiveUp(service: Service, signal: AbortSignal): Promise<void> {
  const starting = service.start();
  const aborted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await Promise.race([starting, aborted]);
  if (!signal.aborted) return;
  await stopService(service);
  await Promise.allSettled([starting]);
  signal.throwIfAborted();
}

/** What the environment says, but for where the stores are and whom to trust. Throws ConfigError for bad settings. */
async function chooseConfig(options: ServiceOptions): Promise<{ config: Config; isPortGiven: boolean }> {
  const { env, urls, engine, mail, audit } = options;
  const service = await choosePort(env, 'BAILIWICK_PORT', FIRST_PORT);
  const management = await choosePort(env, 'BAILIWICK_MANAGEMENT_PORT', Number(service.port) + 1);
  const config = readConfig({
    BAILIWICK_AUDIT_KEY: audit.key,
    BAILIWICK_AUDIT_CHECKPOINT_FILE: audit.checkpointFile,
    // Browsers and curl take every name under `localhost` for this machine: http://acme.localhost:7080.
    BAILIWICK_SIGN_IN_DOMAIN: 'localhost',
    ...env,
    DATABASE_URL: urls.service,
    BAILIWICK_SYNC_DATABASE_URL: urls.sync,
    BAILIWICK_OPENFGA_URL: engine.url,
    BAILIWICK_OPENFGA_STORE_ID: engine.storeId,
    BAILIWICK_HOST: '127.0.0.1',
    BAILIWICK_PORT: service.port,
    BAILIWICK_MANAGEMENT_PORT: management.port,
    BAILIWICK_TRUST_LOOPBACK: 'yes',
    BAILIWICK_MAIL_SECRET_KEY: mail.secretKey,
    BAILIWICK_MAILBOX_DIR: mail.mailboxDir,
    BAILIWICK_ISSUER: `http://127.0.0.1:${service.port}`,
    BAILIWICK_AUDIENCE: 'bailiwick',
    BAILIWICK_SIGNING_SECRET: options.signingSecret,
  });
  return { config, isPortGiven: service.isGiven || management.isGiven };
}

/** A port that is named is taken as it is (0: any) or refused; otherwise the next free one from `first` on. */
async function choosePort(env: Environment, name: string, first: number): Promise<{ port: string; isGiven: boolean }> {
  const given = env[name] ?? '';
  if (given === '') return { port: String(await findFreePort(first)), isGiven: false };
  if (/^[1-9][0-9]{0,4}$/.test(given) && !(await isPortFree(Number(given)))) {
    throw new StartFailure(`port ${given}, which \`${name}\` names, is taken: name another one, or none`);
  }
  return { port: given, isGiven: true };
}

/**
 * `npm start`: servers, database, demo world, service, box; and everything in reverse when it ends.
 *
 * It ends because somebody asked (`StopRequest`) or because a server ended by itself (a StartFailure); either way
 * whatever was started is stopped. INVARIANT: `start` settles only when nothing that it started is left running
 * (tests/integration/start).
 */
import { join } from 'node:path';

import { pino } from 'pino';
import type { Logger } from 'pino';

import { readEngineAddress } from '../config.js';
import { modelHash } from '../contract/model.js';
import { ensureStore } from '../platform/openfga-admin.js';
import { hashPassword } from '../platform/password-hash.js';
import { createPool } from '../platform/postgres.js';
import type { DatabaseRole, Pool } from '../platform/postgres.js';
import { serviceKeyId, sha256 } from '../platform/service-key.js';
import { describeRunning } from './box.js';
import type { DatabaseUrls } from './database.js';
import { countUnapplied, ensureServiceKey, findModelId, getEpoch, hasUsers, setDemoPassword } from './demo-store.js';
import { demoCast } from './demo-world.js';
import { writeDemoWorld } from './demo.js';
import { boundLog, openLog } from './log-file.js';
import { locateData, mailboxDirOf } from './paths.js';
import type { Environment } from './paths.js';
import { waitUntil } from './process.js';
import type { Progress } from './progress.js';
import { resetData } from './reset.js';
import { findRunning, forgetRunning, recordRunning } from './running.js';
import type { RunningFacts } from './running.js';
import { loadSecrets } from './secrets.js';
import type { Secrets } from './secrets.js';
import { startServers } from './servers.js';
import type { Servers } from './servers.js';
import { startService, stopService } from './service.js';
import { StartFailure } from './start-failure.js';

/** How long the box waits for changes that an earlier run left to apply. */
const APPLY_TIMEOUT_MS = 120_000;
const LOG_CHECK_MS = 60_000;

/** The reason of an end that somebody asked for. */
export class StopRequest extends Error {
  constructor() {
    super('asked to stop');
    this.name = 'StopRequest';
  }
}

export interface StartOptions {
  readonly env: Environment;
  /** Deletes the data first. */
  readonly reset: boolean;
  /** Fills an empty database with the demo world. */
  readonly demo: boolean;
  readonly print: (line: string) => void;
  readonly progress: Progress;
  /** Aborted with a StopRequest, or with the fault, to end everything in order. */
  readonly ending: AbortController;
  /** Aborted when there is no more time: our servers are killed. */
  readonly force: AbortSignal;
}

/** Runs until it is asked to end. Throws a StartFailure for what the person at the keyboard can change. */
export async function start(options: StartOptions): Promise<void> {
  const { signal } = options.ending;
  try {
    await run(options);
  } catch (error) {
    // Where a server ended by itself, what failed after it is a consequence.
    const isConsequence = signal.aborted && !(signal.reason instanceof StopRequest);
    if (!isConsequence && !(error instanceof StopRequest)) throw error;
  }
  if (signal.aborted && !(signal.reason instanceof StopRequest)) throw signal.reason;
}

async function run(options: StartOptions): Promise<void> {
  const { env, progress } = options;
  const { dataDir } = locateData(env);
  const other = findRunning(dataDir);
  if (other !== undefined) {
    throw new StartFailure(`it runs already, at ${other.service} (process ${other.pid}): stop that one first`);
  }
  if (options.reset) await progress.step('deleting the data', () => resetData(env));
  const servers = await startServers(options).catch((error: unknown) => {
    // Ctrl-C reaches a running `initdb` or `go` as well: that they failed is then no news.
    options.ending.signal.throwIfAborted();
    throw error;
  });
  try {
    await runOn(servers, options);
  } finally {
    await servers.stop();
  }
}

async function runOn(servers: Servers, options: StartOptions): Promise<void> {
  const { env, progress, ending } = options;
  const { signal } = ending;
  const { dataDir, engineUrl } = servers;
  const secrets = loadSecrets(dataDir);
  const logPath = join(dataDir, 'service.log');
  const log = openServiceLog(logPath, env);
  const urls = await progress.step('preparing the database', () => servers.prepareDatabase(secrets, log));
  signal.throwIfAborted();
  const engine = { url: engineUrl, storeId: await ensureOwnStore(urls, engineUrl, env) };
  await fillDatabase(urls, { secrets, demo: options.demo });
  const mailboxDir = mailboxDirOf(dataDir);
  const mail = { secretKey: secrets.mailSecretKey, mailboxDir };
  const audit = { key: secrets.auditKey, checkpointFile: join(dataDir, 'checkpoints.txt') };
  const service = await progress.step('starting the service', () =>
    startService({ env, urls, engine, mail, audit, signingSecret: secrets.signingSecret, log, signal }),
  );
  const logCheck = setInterval(() => boundLog(logPath), LOG_CHECK_MS);
  try {
    await progress.step('bringing OpenFGA up to date', () => awaitApplied(urls, signal));
    const { service: address, management } = service.addresses();
    const facts: RunningFacts = {
      service: address,
      management,
      operatorUrl: urls.operator,
      engine: { ...engine, modelId: await getModelId(urls, engine.storeId) },
      serviceKey: secrets.serviceKey,
      audit: { checkpointFile: audit.checkpointFile, publicKey: secrets.auditPublicKey },
      demo: await findDemoCast(urls, secrets),
    };
    signal.throwIfAborted();
    recordRunning(dataDir, facts);
    (await describeRunning({ ...facts, logPath, mailboxDir })).forEach(options.print);
    await abortOf(signal);
  } finally {
    clearInterval(logCheck);
    forgetRunning(dataDir);
    await stopService(service);
  }
}

/** The service's own log goes to a file, so that the terminal stays readable. */
function openServiceLog(path: string, env: Environment): Logger {
  const wanted = env['BAILIWICK_LOG_LEVEL'] ?? '';
  const level = wanted === 'silent' || wanted in pino.levels.values ? wanted : 'info';
  const redact = ['*.password', '*.authorization', '*.token', '*.accessToken', '*.oneTimePassword'];
  return pino({ level, base: null, redact }, pino.destination({ dest: openLog(path), sync: true }));
}

/** A database has a store of its own, whoever else uses the engine: what no row explains is removed from it. */
async function ensureOwnStore(urls: DatabaseUrls, url: string, env: Environment): Promise<string> {
  const epoch = await withPool(urls, 'operator', (pool) => pool.transaction(getEpoch));
  return await ensureStore(readEngineAddress({ ...env, BAILIWICK_OPENFGA_URL: url }), `bailiwick ${epoch}`);
}

async function fillDatabase(urls: DatabaseUrls, { secrets, demo }: { secrets: Secrets; demo: boolean }): Promise<void> {
  const keyId = serviceKeyId(secrets.serviceKey);
  if (keyId === undefined) throw new Error('the service key that was kept is malformed');
  await withPool(urls, 'operator', async (operator) => {
    if (demo) await withPool(urls, 'sync', (sync) => writeDemoWorld({ operator, sync }));
    const key = { keyId, keyHash: sha256(secrets.serviceKey) };
    await operator.transaction((tx) => ensureServiceKey(tx, key));
  });
}

async function awaitApplied(urls: DatabaseUrls, signal: AbortSignal): Promise<void> {
  await withPool(urls, 'operator', (pool) =>
    waitUntil(async () => signal.aborted || (await pool.transaction(countUnapplied)) === 0, APPLY_TIMEOUT_MS),
  );
  signal.throwIfAborted();
}

async function getModelId(urls: DatabaseUrls, storeId: string): Promise<string> {
  const modelId = await withPool(urls, 'operator', (pool) =>
    pool.transaction((tx) => findModelId(tx, { storeId, hash: modelHash })),
  );
  if (modelId === undefined) throw new Error('the service runs without having written down its model');
  return modelId;
}

/** Who is who in the demo world, where it is there; their passwords are set to those that the box prints. */
async function findDemoCast(urls: DatabaseUrls, secrets: Secrets): Promise<RunningFacts['demo']> {
  const { tenantId, tenantSlug, tenantAdminId, viewerId, platformAdminId, tenantAdminEmail, platformAdminEmail } =
    demoCast;
  const { tenantAdminPassword, platformAdminPassword } = secrets;
  const isThere = await withPool(urls, 'operator', (pool) =>
    pool.transaction(async (tx) => {
      if (!(await hasUsers(tx, [tenantAdminId, viewerId, platformAdminId]))) return false;
      await setDemoPassword(tx, tenantAdminId, await hashPassword(tenantAdminPassword));
      await setDemoPassword(tx, platformAdminId, await hashPassword(platformAdminPassword));
      return true;
    }),
  );
  if (!isThere) return undefined;
  return {
    tenantId,
    tenantSlug,
    tenantAdminId,
    tenantAdminEmail,
    tenantAdminPassword,
    platformAdminId,
    platformAdminEmail,
    platformAdminPassword,
  };
}

async function withPool<T>(
  urls: DatabaseUrls,
  purpose: 'operator' | 'sync',
  work: (pool: Pool) => Promise<T>,
): Promise<T> {
  const role: DatabaseRole = `bailiwick_${purpose}`;
  const pool = createPool({ url: urls[purpose], role, max: 1, applicationName: 'bailiwick-start' }, () => undefined);
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
}

function abortOf(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

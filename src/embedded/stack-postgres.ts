/**
 * Postgres as a part of the stack: its cluster, port and superuser's password are made once and kept.
 *
 * What runs it, and as whom, is src/embedded/postgres.ts's business.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { cacheDir, clusterDirOf, logPathOf } from './paths.js';
import { preparePostgresBinaries } from './postgres-binaries.js';
import { createClusterOnce, writeAccessRules } from './postgres-cluster.js';
import { createPostgresServer } from './postgres.js';
import type { PostgresServer } from './postgres.js';
import { loadSettings, saveSettings } from './settings.js';
import { ENGINE_ROLE } from './stack-server.js';
import type { StackContext, StackPostgres, StackServer } from './stack-server.js';

const SUPERUSER = 'postgres';
/** Where the search for a free port begins in a new data directory; the service has those before it. */
const FIRST_PORT = 7090;

/** The stack's Postgres: makes its cluster at the first start, keeps its port and password from then on. */
export function stackPostgres(context: StackContext): StackServer<StackPostgres> {
  const { dataDir } = context.place;
  let server: PostgresServer | undefined;
  let password = '';
  const started = (): PostgresServer => {
    if (server === undefined) throw new Error('Postgres was not started');
    return server;
  };
  return {
    name: 'Postgres',
    view: {
      superuser: SUPERUSER,
      get port() {
        return started().port;
      },
      get password() {
        return password;
      },
      get pid() {
        return started().pid;
      },
      url(database, user = SUPERUSER, userPassword = password) {
        const [who, secret, where] = [user, userPassword, database].map(encodeURIComponent);
        return `postgres://${who ?? ''}:${secret ?? ''}@127.0.0.1:${started().port}/${where ?? ''}`;
      },
    },
    async start() {
      context.signal?.throwIfAborted();
      const settings = loadSettings(dataDir, existsSync(clusterDirOf(dataDir)));
      password = settings.superuserPassword;
      server = await prepareServer(context, password);
      const port = context.ports?.postgres ?? settings.ports.postgres ?? FIRST_PORT;
      await context.progress.step('starting Postgres', () => started().start(port));
      saveSettings(dataDir, { ...settings, ports: { ...settings.ports, postgres: started().port } });
    },
    stop: () => server?.stop() ?? Promise.resolve(),
    async restart() {
      await started().stop();
      await started().start(started().port, { exact: true });
    },
    kill: (signal) => started().kill(signal),
  };
}

async function prepareServer(context: StackContext, password: string): Promise<PostgresServer> {
  const { env, place, progress, durable } = context;
  const binaries = await preparePostgresBinaries({ account: place.account, cacheDir: cacheDir(env) });
  const cluster = {
    clusterDir: clusterDirOf(place.dataDir),
    binaries,
    account: place.account,
    superuser: SUPERUSER,
    password,
  };
  await progress.step('creating the database cluster', () => createClusterOnce(cluster, { sync: durable }));
  const accessRulesPath = join(place.dataDir, 'pg_hba.conf');
  writeAccessRules(accessRulesPath, ENGINE_ROLE);
  return createPostgresServer({
    cluster,
    logPath: logPathOf(place.dataDir, 'postgres'),
    accessRulesPath,
    durable,
    onUnexpectedEnd: (how) => context.onUnexpectedEnd?.('postgres', how),
  });
}

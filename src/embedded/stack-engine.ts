/**
 * The engine as a part of the stack: one that we start, or one that stands elsewhere.
 *
 * Ours has a database and a login of its own in the stack's Postgres and nothing else there.
 */
import { runSql } from '../platform/admin-sql.js';
import type { EngineAddress } from '../platform/engine-http.js';
import { createEngineLook } from '../platform/openfga-admin.js';
import { createEngineServer } from './engine.js';
import type { EngineProgram } from './engine-program.js';
import { logPathOf } from './paths.js';
import { waitUntil } from './process.js';
import { loadSettings, saveSettings } from './settings.js';
import { ENGINE_ROLE } from './stack-server.js';
import type { StackContext, StackEngine, StackPostgres, StackServer } from './stack-server.js';
import { StartFailure } from './start-failure.js';

const FIRST_PORTS = { http: 7091, grpc: 7092 };

/** An engine that we start, on a database of its own in the stack's Postgres. */
export function ownEngine(
  context: StackContext,
  program: EngineProgram,
  postgres: StackPostgres,
): StackServer<StackEngine> {
  const { dataDir } = context.place;
  let password = '';
  const server = createEngineServer({
    program,
    dataDir,
    logPath: logPathOf(dataDir, 'engine'),
    databaseUrl: () => postgres.url(ENGINE_ROLE, ENGINE_ROLE, password),
    key: context.engineKey,
    onUnexpectedEnd: (how) => context.onUnexpectedEnd?.('engine', how),
  });
  return {
    name: 'OpenFGA',
    view: {
      get url() {
        return `http://127.0.0.1:${server.ports.http}`;
      },
      get pid() {
        return server.pid;
      },
    },
    async start() {
      context.signal?.throwIfAborted();
      const settings = loadSettings(dataDir, true);
      password = settings.enginePassword;
      const wanted = {
        http: context.ports?.engine ?? settings.ports.engineHttp ?? FIRST_PORTS.http,
        grpc: settings.ports.engineGrpc ?? FIRST_PORTS.grpc,
      };
      await context.progress.step(`starting OpenFGA (${program.description})`, async () => {
        await createEngineDatabase(postgres, password);
        await server.start(wanted);
      });
      const ports = { ...settings.ports, engineHttp: server.ports.http, engineGrpc: server.ports.grpc };
      saveSettings(dataDir, { ...settings, ports });
    },
    stop: () => server.stop(),
    async restart() {
      await server.stop();
      await server.start(server.ports, { exact: true });
    },
    kill: (signal) => server.kill(signal),
  };
}

/** Makes the role and the database unless they are there; the password is set anew to what the settings say. */
async function createEngineDatabase(postgres: StackPostgres, password: string): Promise<void> {
  const [duplicateObject, duplicateDatabase] = ['42710', '42P04'];
  await runSql(postgres.url('postgres'), [
    { text: `create role ${ENGINE_ROLE} login`, unless: [duplicateObject] },
    `alter role ${ENGINE_ROLE} password '${password}'`,
    { text: `create database ${ENGINE_ROLE} owner ${ENGINE_ROLE}`, unless: [duplicateDatabase] },
  ]);
}

/** An engine of someone else's: asked whether it serves, never started, stopped or killed. */
export function engineAt(engine: EngineAddress): StackServer<StackEngine> {
  const url = engine.url.replace(/\/+$/, '');
  const look = createEngineLook(engine);
  const notOurs = (): Promise<never> => Promise.reject(new Error(`the engine at \`${url}\` is not ours`));
  return {
    name: 'OpenFGA',
    view: { url, pid: undefined },
    async start() {
      if (await waitUntil(() => look(1_000), 5_000)) return;
      throw new StartFailure(
        `no OpenFGA serves at \`${url}\`, which \`BAILIWICK_OPENFGA_URL\` names: start it or unset this`,
      );
    },
    stop: () => Promise.resolve(),
    restart: notOurs,
    kill: notOurs,
  };
}

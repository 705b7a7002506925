/**
 * A real OpenFGA that serves https on one port of 127.0.0.1, its data in a Postgres that speaks TLS too. Its
 * certificate can be changed for another one, as if somebody else had taken its place.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';

import type { EnginePorts, EngineProgram } from '../../src/embedded/engine-program.js';
import { findEngine } from '../../src/embedded/find-engine.js';
import { findFreePort } from '../../src/embedded/ports.js';
import { runProgram, startChild, stopProcess, waitUntil } from '../../src/embedded/process.js';
import type { Child, StopStep } from '../../src/embedded/process.js';
import { silentProgress } from '../../src/embedded/progress.js';
import { runSql } from '../../src/platform/admin-sql.js';
import type { Certificate } from './certificates.js';
import type { TlsPostgres } from './tls-postgres.js';

export interface TlsEngine {
  url(host?: string): string;
  /** Whoever answers from now on shows this certificate, with the same data. */
  show(certificate: Certificate): Promise<void>;
  end(): Promise<void>;
}

const STOP: readonly StopStep[] = [
  { signal: 'SIGTERM', graceMs: 5_000 },
  { signal: 'SIGKILL', graceMs: 5_000 },
];

/** Starts it; `end` it before its Postgres. */
export async function startTlsEngine(postgres: TlsPostgres, certificate: Certificate): Promise<TlsEngine> {
  const { folder } = postgres;
  await runSql(postgres.verifiedUrl('postgres'), ['create database openfga']);
  const settings = {
    OPENFGA_DATASTORE_ENGINE: 'postgres',
    OPENFGA_DATASTORE_URI: postgres.verifiedUrl('openfga'),
    OPENFGA_LOG_LEVEL: 'fatal',
    OPENFGA_METRICS_ENABLED: 'false',
    OPENFGA_PLAYGROUND_ENABLED: 'false',
  };
  const program = await findEngine({ env: process.env, dataDir: folder, progress: silentProgress });
  const migrated = await runProgram(program.migrate(settings));
  if (!migrated.ok) throw new Error(`openfga migrate failed: ${migrated.output}`);
  const http = await findFreePort(7191);
  const ports = { http, grpc: await findFreePort(7191, new Set([http])) };
  const serve = (shown: Certificate): Promise<Child> => serveWith(program, { settings, shown, ports, folder });
  let child = await serve(certificate);
  return {
    url: (host = '127.0.0.1') => `https://${host}:${String(ports.http)}`,
    async show(shown) {
      await stopProcess(child, STOP);
      child = await serve(shown);
    },
    end: () => stopProcess(child, STOP),
  };
}

async function serveWith(
  program: EngineProgram,
  at: { settings: Record<string, string>; shown: Certificate; ports: EnginePorts; folder: string },
): Promise<Child> {
  const { settings, shown, ports, folder } = at;
  const tls = { OPENFGA_HTTP_TLS_ENABLED: 'true', OPENFGA_HTTP_TLS_CERT: shown.cert, OPENFGA_HTTP_TLS_KEY: shown.key };
  const child = await startChild(program.run({ ...settings, ...tls }, ports), join(folder, 'engine.log'));
  if (await waitUntil(() => shows(ports.http, shown), 30_000)) return child;
  await stopProcess(child, STOP);
  throw new Error(`OpenFGA did not serve: ${readFileSync(join(folder, 'engine.log'), 'utf8').slice(-2_000)}`);
}

/** Whether the port answers with this certificate, whoever vouches for it. */
function shows(port: number, { cert }: Certificate): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      const { raw } = socket.getPeerCertificate();
      const shown = readFileSync(cert, 'utf8').replaceAll(/-----[A-Z ]+-----|\s/g, '');
      socket.destroy();
      resolve(raw.toString('base64') === shown);
    });
    socket.once('error', () => resolve(false));
  });
}

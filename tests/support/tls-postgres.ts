/**
 * A real Postgres that speaks TLS, in a cluster of its own: the programs that npm brought, with `ssl = on`.
 *
 * Its certificate is for 127.0.0.1 alone, so `localhost` is a wrong name that leads to the right server. It takes no
 * connection in the clear, and from the login `certified` none without a certificate.
 */
import { chmodSync, chownSync, copyFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { clusterDirOf, createDataDir, locateData } from '../../src/embedded/paths.js';
import { waitUntil } from '../../src/embedded/process.js';
import { silentProgress } from '../../src/embedded/progress.js';
import { stackPostgres } from '../../src/embedded/stack-postgres.js';
import { runSql } from '../../src/platform/admin-sql.js';
import { makeAuthority } from './certificates.js';
import type { Authority, Certificate } from './certificates.js';

export interface TlsPostgres {
  readonly folder: string;
  /** Whoever signed its certificate, and somebody else. */
  readonly authority: Authority;
  readonly stranger: Authority;
  /** Of the login `certified`. */
  readonly client: Certificate;
  /** The superuser's URL, without a word of TLS. */
  url(database: string, host?: string): string;
  /** The same, verified in full. */
  verifiedUrl(database: string): string;
  end(): Promise<void>;
}

/** Who may connect how: nobody in the clear. */
const RULES = [
  'hostssl all certified 127.0.0.1/32 cert',
  'hostssl all all 127.0.0.1/32 scram-sha-256',
  'hostnossl all all 127.0.0.1/32 reject',
];

/** Starts it. `end` it in afterAll. */
export async function startTlsPostgres(): Promise<TlsPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'bailiwick-tls-'));
  // The account of Postgres passes through to its cluster.
  chmodSync(folder, 0o711);
  const place = locateData(process.env, join(folder, 'data'));
  createDataDir(place);
  const server = stackPostgres({ env: process.env, place, progress: silentProgress, durable: false });
  await server.start();
  const end = async (): Promise<void> => {
    await server.stop();
    await rm(folder, { recursive: true });
  };
  try {
    const authority = makeAuthority(folder, 'authority');
    const stranger = makeAuthority(folder, 'stranger');
    const client = authority.sign('client', { commonName: 'certified' });
    const { cert, key } = authority.sign('server', { names: 'IP:127.0.0.1' });
    const files = { ssl_cert_file: cert, ssl_key_file: key, ssl_ca_file: authority.cert };
    for (const [setting, file] of Object.entries(files)) {
      const own = join(clusterDirOf(place.dataDir), `${setting}.pem`);
      copyFileSync(file, own);
      chmodSync(own, 0o600);
      if (place.account !== undefined) chownSync(own, place.account.uid, place.account.gid);
      await runSql(server.view.url('postgres'), [`alter system set ${setting} = '${setting}.pem'`]);
    }
    await runSql(server.view.url('postgres'), ['alter system set ssl = on', 'create role certified login']);
    writeFileSync(join(place.dataDir, 'pg_hba.conf'), `${RULES.join('\n')}\n`);
    await runSql(server.view.url('postgres'), ['select pg_reload_conf()']);
    const verifiedUrl = (database: string): string =>
      `${server.view.url(database)}?sslmode=verify-full&sslrootcert=${encodeURIComponent(authority.cert)}`;
    const isReloaded = await waitUntil(
      () =>
        runSql(verifiedUrl('postgres'), []).then(
          () => true,
          () => false,
        ),
      10_000,
    );
    if (!isReloaded) throw new Error('Postgres did not turn TLS on');
    return {
      ...{ folder, authority, stranger, client, verifiedUrl, end },
      url: (database, host = '127.0.0.1') => server.view.url(database).replace('@127.0.0.1:', `@${host}:`),
    };
  } catch (error) {
    await end();
    throw error;
  }
}

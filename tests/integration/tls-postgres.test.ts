/**
 * TLS to Postgres, on a real one with certificates of `openssl`: verified in full, and never in the clear where it was
 * asked for. The service as a whole over it is tests/integration/tls-engine.test.ts.
 */
import { afterAll, afterEach, beforeAll, describe, expect, inject, test, vi } from 'vitest';

import { findAuditCommand, runDoctor, runMigrate } from '../../src/commands.js';
import { readAuditConfig } from '../../src/config.js';
import { shellExports } from '../../src/embedded/exports.js';
import { runSql } from '../../src/platform/admin-sql.js';
import { createListener } from '../../src/platform/listener.js';
import { createPool } from '../../src/platform/postgres.js';
import { TlsRefusal } from '../../src/platform/tls-refusal.js';
import { Problem } from '../../src/shared/problem.js';
import { urlOf } from '../support/global-stack.js';
import { startTlsPostgres } from '../support/tls-postgres.js';
import type { TlsPostgres } from '../support/tls-postgres.js';
import { quiet } from '../support/world.js';

let postgres: TlsPostgres;
beforeAll(async () => {
  postgres = await startTlsPostgres();
});
afterAll(() => postgres.end());
afterEach(() => vi.unstubAllEnvs());

const saying = (url: string, tls: Readonly<Record<string, string>>): string =>
  `${url}?${new URLSearchParams(tls).toString()}`;
const password = (): string => new URL(postgres.url('postgres')).password;

/** Each way to be refused, and what is said of it. */
const REFUSED: readonly { what: string; url: () => string; says: string }[] = [
  {
    what: 'a server that another authority vouches for',
    url: () => saying(postgres.url('postgres'), { sslmode: 'verify-full', sslrootcert: postgres.stranger.cert }),
    says: 'its certificate is not signed by an authority that is trusted',
  },
  {
    what: 'a server that no authority of Node’s vouches for',
    url: () => saying(postgres.url('postgres'), { sslmode: 'verify-full' }),
    says: 'its certificate is not signed by an authority that is trusted',
  },
  {
    what: 'a server of another name',
    url: () =>
      saying(postgres.url('postgres', 'localhost'), { sslmode: 'verify-full', sslrootcert: postgres.authority.cert }),
    says: 'its certificate is for another host name',
  },
  {
    what: 'a server without TLS',
    url: () =>
      saying(urlOf(inject('stack'), 'postgres'), { sslmode: 'verify-full', sslrootcert: postgres.authority.cert }),
    says: 'it does not speak TLS',
  },
  {
    what: 'the same under `require`, which `pg` takes for `verify-full`',
    url: () => saying(postgres.url('postgres'), { sslmode: 'require', sslrootcert: postgres.stranger.cert }),
    says: 'its certificate is not signed by an authority that is trusted',
  },
];

/** What a pool by that URL says of its own connection. */
async function encrypted(url: string | undefined): Promise<{ ssl: boolean; login: string }> {
  const pool = createPool({ url, role: undefined, max: 1, applicationName: 'tls-test' }, () => undefined);
  try {
    const { rows } = await pool.transaction((tx) =>
      tx.query<{ ssl: boolean; login: string }>({
        text: 'select ssl, session_user::text as login from pg_stat_ssl where pid = pg_backend_pid()',
      }),
    );
    return rows[0] ?? { ssl: false, login: '' };
  } finally {
    await pool.end();
  }
}

const thrown = async (work: Promise<unknown>): Promise<Error> => {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof Error)) throw new Error('nothing was thrown');
  return error;
};

describe('verified in full', () => {
  test('a pool connects, encrypted', async () => {
    expect(await encrypted(postgres.verifiedUrl('postgres'))).toEqual({ ssl: true, login: 'postgres' });
  });

  test('it runs the migrations, and hears notices', async () => {
    const url = postgres.verifiedUrl('migrated');
    await runSql(postgres.verifiedUrl('postgres'), ['create database migrated']);
    const lines: string[] = [];
    expect(await runMigrate(url, quiet, (line) => lines.push(line))).toBe(0);
    expect(lines.join()).toMatch(/^ran 0001/);
    const woken = vi.fn();
    const lost = vi.fn();
    const listener = createListener({ url, applicationName: 'l', channel: 'c', wake: woken, onLost: lost });
    await listener.start();
    await vi.waitFor(() => expect(woken).toHaveBeenCalledTimes(1), 5_000);
    await runSql(url, ['notify c']);
    await vi.waitFor(() => expect(woken).toHaveBeenCalledTimes(2), 5_000);
    await listener.stop();
    expect(lost).not.toHaveBeenCalled();
  });

  test('a login that needs a certificate has one by `sslcert` and `sslkey`, and is refused without', async () => {
    const { port } = new URL(postgres.url('postgres'));
    const url = saying(`postgres://certified@127.0.0.1:${port}/postgres`, {
      sslmode: 'verify-full',
      sslrootcert: postgres.authority.cert,
    });
    const { cert, key } = postgres.client;
    const withOwn = `${url}&${new URLSearchParams({ sslcert: cert, sslkey: key }).toString()}`;
    expect(await encrypted(withOwn)).toEqual({ ssl: true, login: 'certified' });
    expect((await thrown(encrypted(url))).message).toMatch(/client certificate/);
  });

  test('the variables of libpq mean the same, and `npm run env` prints them', async () => {
    const url = new URL(postgres.verifiedUrl('postgres'));
    const variables = {
      ...{ PGHOST: url.hostname, PGPORT: url.port, PGUSER: 'postgres', PGPASSWORD: url.password },
      ...{ PGDATABASE: 'postgres', PGSSLMODE: 'verify-full', PGSSLROOTCERT: postgres.authority.cert },
    };
    Object.entries(variables).forEach(([name, value]) => vi.stubEnv(name, value));
    expect(await encrypted(readAuditConfig(process.env).databaseUrl)).toMatchObject({ ssl: true });
    vi.stubEnv('PGSSLROOTCERT', postgres.stranger.cert);
    const refused = await thrown(encrypted(readAuditConfig(process.env).databaseUrl));
    expect(refused.cause).toBeInstanceOf(TlsRefusal);
    const printed = shellExports({
      ...{ pid: 1, began: '', service: 'a', management: 'b', serviceKey: 'k', operatorUrl: url.href },
      ...{ engine: { url: 'c', storeId: 's', modelId: 'm' }, audit: { checkpointFile: 'f', publicKey: 'p' } },
    });
    expect(printed).toEqual(
      expect.arrayContaining([`export PGSSLMODE='verify-full'`, `export PGSSLROOTCERT='${postgres.authority.cert}'`]),
    );
  });
});

describe.each(REFUSED)('$what is refused', ({ url, says }) => {
  test('by a pool: the database cannot be reached, and the cause says why', async () => {
    const error = await thrown(encrypted(url()));
    expect(error).toBeInstanceOf(Problem);
    expect(error).toMatchObject({ code: 'DATABASE_UNAVAILABLE', detail: 'the database cannot be reached' });
    expect(error.cause).toBeInstanceOf(TlsRefusal);
    expect(String(error.cause)).toContain(says);
    expect(String(error.cause)).toContain('`sslrootcert`');
  });

  test('by migrations, statements, the listener and the commands, in words and without the password', async () => {
    const lost = vi.fn();
    const listener = createListener({
      ...{ url: url(), applicationName: 'l', channel: 'c', wake: () => undefined, onLost: lost },
    });
    await listener.start();
    await vi.waitFor(() => expect(lost).toHaveBeenCalled(), 5_000);
    await listener.stop();
    const status = findAuditCommand('audit status');
    const options = { json: false, 'allow-pruned': false, drop: false };
    const config = { ...readAuditConfig({}), databaseUrl: url() };
    const said = [
      await thrown(runMigrate(url(), quiet, () => undefined)),
      await thrown(runSql(url(), ['select 1'])),
      await thrown(status?.(config, options, () => undefined) ?? Promise.resolve()),
      lost.mock.calls[0]?.[0] as Error,
    ];
    for (const error of said) {
      expect(error).toBeInstanceOf(TlsRefusal);
      expect(error.message).toContain(says);
      expect(error.message).not.toContain(password());
    }
  });

  test('by the doctor, which names the setting and the cure', async () => {
    const lines: string[] = [];
    const environment = {
      DATABASE_URL: url(),
      BAILIWICK_OPENFGA_URL: 'http://127.0.0.1:1',
      BAILIWICK_OPENFGA_STORE_ID: '0'.repeat(26),
    };
    expect(await runDoctor(environment, { json: false }, (line) => lines.push(line))).toBe(3);
    const text = lines.join('\n');
    expect(text).toContain(`[-] database-not-trusted: DATABASE_URL: Postgres is refused: ${says}`);
    expect(text).not.toContain(password());
  });
});

test('a server that takes none in the clear gets none where TLS is not asked for', async () => {
  expect((await thrown(encrypted(postgres.url('postgres')))).message).toMatch(/no encryption/);
});

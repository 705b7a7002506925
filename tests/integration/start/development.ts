/** The development commands as a person runs them: the built program, in a process of its own. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { clusterDirOf } from '../../../src/embedded/paths.js';
import { readPostmasterFile } from '../../../src/embedded/postgres-cluster.js';
import { readIfPresent } from '../../../src/embedded/private-file.js';
import { waitUntil } from '../../../src/embedded/process.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const START_TIMEOUT_MS = 60_000;

export type Variables = Readonly<Record<string, string | undefined>>;

export function buildOnce(): void {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** A folder of its own, which the account that runs Postgres under root may pass through. */
export function makeScratch(): string {
  const scratch = mkdtempSync(join(tmpdir(), 'bailiwick start '));
  chmodSync(scratch, 0o711);
  return scratch;
}

/** The environment of one data directory: ports that nobody has, and nothing that selects outside parts. */
export function environmentOf(dataDir: string, more: Variables = {}): NodeJS.ProcessEnv {
  return {
    ...process.env,
    NODE_ENV: undefined,
    DATABASE_URL: undefined,
    BAILIWICK_OPENFGA_URL: undefined,
    BAILIWICK_DATA_DIR: dataDir,
    BAILIWICK_PORT: '0',
    BAILIWICK_MANAGEMENT_PORT: '0',
    ...more,
  };
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end: `start` for `npm start`, `env`, or `bailiwick` for the product's own program. */
export function runToEnd(args: readonly string[], env: NodeJS.ProcessEnv): Ended {
  const done = spawnSync(process.execPath, argumentsOf(args), { env, encoding: 'utf8', timeout: START_TIMEOUT_MS });
  return { code: done.status, stdout: done.stdout, stderr: done.stderr };
}

export interface Development {
  readonly pid: number;
  /** What it has written so far, both streams together. */
  output(): string;
  signal(name: NodeJS.Signals): void;
  /** Resolves to the exit code. */
  readonly ended: Promise<number | null>;
  /** Resolves when the box is complete; throws with the output where it ends or takes too long before. */
  ready(): Promise<void>;
}

export function startDevelopment(env: NodeJS.ProcessEnv, flags: readonly string[] = []): Development {
  const child = spawn(process.execPath, argumentsOf(['start', ...flags]), { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let isOver = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
  }
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      isOver = true;
      resolve(code);
    });
  });
  return {
    pid: child.pid ?? 0,
    output: () => output,
    signal: (name) => void child.kill(name),
    ended,
    async ready() {
      await waitUntil(() => isOver || output.includes('Ctrl-C stops everything'), START_TIMEOUT_MS);
      if (isOver || !output.includes('Ctrl-C stops everything')) throw new Error(`it did not start: ${output}`);
    },
  };
}

/** The variables that `npm run env` prints, as a shell understands them. */
export function readExports(env: NodeJS.ProcessEnv): Record<string, string> {
  const printed = runToEnd(['env'], env);
  if (printed.code !== 0) throw new Error(printed.stderr);
  const names = [...printed.stdout.matchAll(/^export ([A-Z_]+)=/gm)].map(([, name]) => name ?? '');
  const script = `eval "$1"; for name in ${names.join(' ')}; do eval "printf '%s\\0' \\"\\$$name\\""; done`;
  const values = execFileSync('/bin/sh', ['-c', script, 'sh', printed.stdout], { encoding: 'utf8', env: {} });
  return Object.fromEntries(names.map((name, index) => [name, values.split('\0')[index] ?? '']));
}

/** The operator's connection URL, made of what `npm run env` prints. */
export function operatorUrl(variables: Readonly<Record<string, string>>): string {
  const { PGUSER = '', PGPASSWORD = '', PGHOST = '', PGPORT = '', PGDATABASE = '' } = variables;
  return `postgres://${PGUSER}:${PGPASSWORD}@${PGHOST}:${PGPORT}/${PGDATABASE}`;
}

/** The pids of the servers under a data directory, as they are written down there. */
export function serverPids(dataDir: string): { postgres: number; engine: number } {
  const engine = JSON.parse(readIfPresent(join(dataDir, 'engine.json')) ?? '{"pid":0}') as { pid: number };
  return { postgres: readPostmasterFile(clusterDirOf(dataDir))?.pid ?? 0, engine: engine.pid };
}

function argumentsOf([command = '', ...rest]: readonly string[]): string[] {
  const isProduct = command === 'bailiwick';
  return [
    join(ROOT, isProduct ? 'bin/bailiwick.js' : 'dist/embedded/main.js'),
    ...(isProduct ? [] : [command]),
    ...rest,
  ];
}

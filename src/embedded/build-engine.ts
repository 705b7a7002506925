/**
 * `go install` of the pinned OpenFGA into the per-user cache: once per version and platform, whoever asks first.
 *
 * The result appears whole, by `rename`, so a file in the cache is a finished one. CGO is off: the program is static
 * and runs in an empty image too.
 */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { takeLock } from './directory-lock.js';
import { ENGINE_VERSION } from './engine-program.js';
import type { Environment } from './paths.js';
import { runProgram } from './process.js';
import type { Progress } from './progress.js';

/** Where the pinned server is in the cache, whether or not it is there. */
export function cachedEngine(cache: string): string {
  return join(cache, `openfga-${ENGINE_VERSION}-${process.platform}-${process.arch}`, 'openfga');
}

export interface BuildOptions {
  /** The `go` program. */
  readonly go: string;
  readonly env: Environment;
  readonly cacheDir: string;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** The path of the built server, and what went wrong instead, if anything. Waits for another process that builds it. */
export async function buildEngine(options: BuildOptions): Promise<{ file: string; fault: string | undefined }> {
  const { cacheDir, progress, signal } = options;
  const file = cachedEngine(cacheDir);
  let told = false;
  const lock = await takeLock(`${dirname(file)}.lock`, async (holderPid) => {
    signal?.throwIfAborted();
    if (!told) progress.say(`process ${holderPid} builds OpenFGA ${ENGINE_VERSION} already: waiting for it`);
    told = true;
    await sleep(500);
  });
  try {
    const fault = existsSync(file) ? undefined : await build(options, file);
    signal?.throwIfAborted();
    return { file, fault };
  } finally {
    lock.release();
  }
}

async function build({ go, env, cacheDir, progress, signal }: BuildOptions, file: string): Promise<string | undefined> {
  mkdirSync(cacheDir, { recursive: true });
  const binDir = mkdtempSync(join(cacheDir, 'building-'));
  const args = [
    'install',
    '-trimpath',
    '-ldflags',
    '-s -w',
    `github.com/openfga/openfga/cmd/openfga@${ENGINE_VERSION}`,
  ];
  // For this machine, whatever the user's shell is set up to compile for.
  const buildEnv = { ...env, CGO_ENABLED: '0', GOBIN: binDir, GOOS: undefined, GOARCH: undefined };
  try {
    const done = await progress.step(
      `building OpenFGA ${ENGINE_VERSION} with \`go install\` (once, some minutes)`,
      () => runProgram({ file: go, args, env: buildEnv }, { signal }),
    );
    if (!done.ok) return lastLine(done.output) ?? done.end;
    rmSync(dirname(file), { recursive: true, force: true });
    renameSync(binDir, dirname(file));
    return undefined;
  } finally {
    rmSync(binDir, { recursive: true, force: true });
  }
}

function lastLine(text: string): string | undefined {
  return text.trim().split('\n').at(-1)?.trim() || undefined;
}

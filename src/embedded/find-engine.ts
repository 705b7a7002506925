/**
 * Finds an OpenFGA server for this machine, in this order: the file named by `BAILIWICK_OPENFGA_BIN`, `openfga` on the
 * PATH, the per-user cache, `go install` into that cache, Docker. What was tried and why it did not do is collected, so
 * that the one message at the end says it all.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { delimiter, isAbsolute, join, resolve } from 'node:path';

import { buildEngine, cachedEngine } from './build-engine.js';
import { ENGINE_VERSION, OLDEST_ENGINE_VERSION, engineFromDocker, engineFromFile } from './engine-program.js';
import type { EngineProgram } from './engine-program.js';
import type { Environment } from './paths.js';
import { cacheDir } from './paths.js';
import { runProgram } from './process.js';
import type { Progress } from './progress.js';
import { StartFailure } from './start-failure.js';

export interface FindEngineOptions {
  readonly env: Environment;
  /** Names the container where Docker runs it: one for each data directory. */
  readonly dataDir: string;
  readonly progress: Progress;
  /** Ends a running build. */
  readonly signal?: AbortSignal | undefined;
}

/** Throws a StartFailure that says what to do when there is none and none can be had. */
export async function findEngine(options: FindEngineOptions): Promise<EngineProgram> {
  const { env, progress } = options;
  const named = env['BAILIWICK_OPENFGA_BIN'];
  if (named !== undefined && named !== '') return await engineNamed(resolve(named), progress);

  const misses: string[] = [];
  const onPath = findOnPath('openfga', env);
  if (onPath === undefined) misses.push('`openfga` is not on the PATH');
  else {
    const fault = await versionFault(onPath, progress);
    if (fault === undefined) return engineFromFile(onPath, `\`${onPath}\``);
    progress.say(`passing over \`${onPath}\`: ${fault}`);
    misses.push(`\`${onPath}\` ${fault}`);
  }

  const cached = cachedEngine(cacheDir(env));
  if (isExecutable(cached)) return engineFromFile(cached, `\`${cached}\``);

  const obtained = await obtain(options, misses);
  if (obtained !== undefined) return obtained;
  throw new StartFailure(
    `no OpenFGA server was found (${misses.join('; ')}): install it (\`brew install openfga\`), or install Go from ` +
      'https://go.dev/dl or start Docker and try again, or name a file by `BAILIWICK_OPENFGA_BIN` or a running server ' +
      'by `BAILIWICK_OPENFGA_URL`',
  );
}

async function engineNamed(file: string, progress: Progress): Promise<EngineProgram> {
  const fault = isExecutable(file) ? await versionFault(file, progress) : 'is not an executable file';
  if (fault === undefined) return engineFromFile(file, `\`${file}\``);
  throw new StartFailure(`\`BAILIWICK_OPENFGA_BIN\` cannot be used: \`${file}\` ${fault}`);
}

/** What needs the network: a build, or an image. */
async function obtain(options: FindEngineOptions, misses: string[]): Promise<EngineProgram | undefined> {
  const { env, dataDir, progress, signal } = options;
  if (env['BAILIWICK_OFFLINE'] === '1') {
    misses.push('`BAILIWICK_OFFLINE=1` forbids to build or pull one');
    return undefined;
  }
  const go = findOnPath('go', env);
  if (go === undefined) misses.push('Go is not on the PATH');
  else {
    const built = await buildEngine({ go, env, cacheDir: cacheDir(env), progress, signal });
    if (built.fault === undefined) return engineFromFile(built.file, `\`${built.file}\``);
    misses.push(`\`go install\` failed: ${built.fault}`);
  }
  const docker = findOnPath('docker', env);
  const answer =
    docker === undefined
      ? undefined
      : await runProgram(
          { file: docker, args: ['version', '--format', '{{.Server.Version}}'], env },
          { timeoutMs: 5_000 },
        );
  if (docker !== undefined && answer?.ok === true) {
    const name = `bailiwick-openfga-${createHash('sha256').update(dataDir).digest('hex').slice(0, 12)}`;
    return engineFromDocker(docker, name, env);
  }
  misses.push(docker === undefined ? 'Docker is not on the PATH' : 'Docker does not answer');
  return undefined;
}

/** What keeps this server from being used; undefined when nothing does. */
async function versionFault(file: string, progress: Progress): Promise<string | undefined> {
  const { ok, end, output } = await runProgram({ file, args: ['version'], env: {} }, { timeoutMs: 10_000 });
  if (!ok) return `does not run (${end})`;
  const version = /OpenFGA version `([^`]+)`/.exec(output)?.[1];
  if (version === 'dev') {
    // What `go install` makes does not know its version.
    progress.say(`\`${file}\` does not say its version (\`dev\`): taken as ${ENGINE_VERSION}`);
    return undefined;
  }
  if (version !== undefined && !isOlder(version, OLDEST_ENGINE_VERSION)) return undefined;
  return `is version ${version ?? 'unknown'}, and ${OLDEST_ENGINE_VERSION} is the oldest supported`;
}

function isOlder(version: string, than: string): boolean {
  const numbers = (text: string): number[] => (text.match(/\d+/g) ?? []).slice(0, 3).map(Number);
  const [mine, theirs] = [numbers(version), numbers(than)];
  const differing = [0, 1, 2].find((index) => mine[index] !== theirs[index]);
  return differing !== undefined && (mine[differing] ?? 0) < (theirs[differing] ?? 0);
}

export function findOnPath(program: string, env: Environment): string | undefined {
  const names = process.platform === 'win32' ? [`${program}.exe`] : [program];
  const folders = (env['PATH'] ?? '').split(delimiter).filter(isAbsolute);
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

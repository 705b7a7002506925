/**
 * Python for the example that is written in it: the first on the PATH that is new enough and makes virtual environments,
 * and an environment in `.venv` with exactly what the example's requirements.txt pins, kept until either changes.
 */
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const OLDEST = '(3, 10)';

/** How Python is called here, and what it says of itself. */
export interface Python {
  readonly program: string;
  readonly version: string;
}

/** Undefined: there is none that will do. */
export async function findPython(): Promise<Python | undefined> {
  for (const program of ['python3', 'python']) {
    const script = `import sys, venv, ensurepip; assert sys.version_info >= ${OLDEST}; print(sys.version)`;
    const version = await run(program, ['-c', script]).then(
      ({ stdout }) => stdout.trim(),
      () => undefined,
    );
    if (version !== undefined) return { program, version };
  }
  return undefined;
}

/** The program of an environment for the example in `folder`, made where there is none that fits. */
export async function pythonFor(folder: string, { program, version }: Python): Promise<string> {
  const place = join(folder, '.venv');
  const inside = join(place, 'bin', 'python');
  const requirements = join(folder, 'requirements.txt');
  const stamp = join(place, 'made-of');
  const wanted = createHash('sha256').update(version).update(readFileSync(requirements)).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return inside;
  rmSync(place, { recursive: true, force: true });
  // A pip that can install elsewhere saves the seconds that an environment's own takes.
  const reaches = await run(program, ['-m', 'pip', '--python', program, '--version']).then(
    () => true,
    () => false,
  );
  await run(program, ['-m', 'venv', ...(reaches ? ['--without-pip'] : []), place]);
  const pip = reaches ? ['-m', 'pip', '--python', inside] : ['-m', 'pip'];
  // From wherever pip is set to take packages from; compiled is what is imported.
  const options = ['--disable-pip-version-check', '--no-input', '--no-compile', '--quiet'];
  const maxBuffer = 16 * 1024 * 1024;
  await run(reaches ? program : inside, [...pip, 'install', ...options, '-r', requirements], { maxBuffer });
  writeFileSync(stamp, wanted);
  return inside;
}

export interface RunningProgram {
  /** What it has said, on both of its streams. */
  readonly said: () => string;
  stop(): Promise<void>;
}

/** Starts a program and waits until what it says matches. Rejects with what it said where it ends before. */
export async function startProgram(
  program: string,
  args: readonly string[],
  { until, ...options }: { cwd: string; env: NodeJS.ProcessEnv; until: RegExp },
): Promise<RunningProgram> {
  const child: ChildProcess = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      said += chunk.toString();
      if (until.test(said)) resolve();
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`${program} ended: ${said}`)));
  });
  return {
    said: () => said,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

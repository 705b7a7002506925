/**
 * Child processes: started with their output in a file, recognised after their parent is gone, stopped step by step.
 *
 * Children get a session of their own (`detached`), so that Ctrl-C in the terminal reaches only us and we stop them in
 * order. They therefore outlive a killed parent; the next start finds them by pid.
 * INVARIANT: a pid is acted on only together with what tells that it is still the same process, for pids are reused
 * (tests/integration/embedded/process.test.ts).
 */
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { openLog } from './log-file.js';
import { StartFailure, errorCode } from './start-failure.js';

/** The account that a child runs under; only root can choose one. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  /** The whole environment: nothing is inherited unseen. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Undefined runs as we run. */
  readonly account?: Account | undefined;
}

/** A process and no later one with its pid. */
export interface ProcessRef {
  readonly pid: number;
  /** `began` of `lookAtProcess`. */
  readonly began: string;
}

export interface Child extends ProcessRef {
  /** Settles when the process has ended, with how it ended, in words. */
  readonly ended: Promise<string>;
}

/** Starts a long-lived child whose output goes to the end of `logPath`. Throws when the file cannot be executed. */
export async function startChild(command: Command, logPath: string): Promise<Child> {
  const log = openLog(logPath);
  try {
    const child = spawn(command.file, command.args, {
      ...spawnOptions(command),
      detached: true,
      stdio: ['ignore', log, log],
    });
    const ended = new Promise<string>((resolve) => {
      child.once('exit', (code, signal) => resolve(describeEnd(code, signal)));
      child.once('error', (error) => resolve(error.message));
    });
    if (child.pid === undefined) throw new StartFailure(`cannot start \`${command.file}\`: ${await ended}`);
    return { pid: child.pid, began: lookAtProcess(child.pid)?.began ?? '', ended };
  } finally {
    closeSync(log);
  }
}

export interface Finished {
  readonly ok: boolean;
  /** How it ended, in words. */
  readonly end: string;
  /** The last 16 KB of standard output and standard error together. */
  readonly output: string;
}

/** Runs a program to its end. Never throws: a file that cannot be executed is a bad end like any other. */
export function runProgram(
  command: Command,
  { timeoutMs, signal }: { timeoutMs?: number; signal?: AbortSignal | undefined } = {},
): Promise<Finished> {
  return new Promise((resolve) => {
    const child = spawn(command.file, command.args, {
      ...spawnOptions(command),
      stdio: ['ignore', 'pipe', 'pipe'],
      killSignal: 'SIGKILL',
      ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
      ...(signal === undefined ? {} : { signal }),
    });
    let output = '';
    const keep = (chunk: string): void => {
      output = (output + chunk).slice(-16_384);
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    child.once('error', (error) => resolve({ ok: false, end: error.message, output }));
    child.once('close', (code, by) => resolve({ ok: code === 0, end: describeEnd(code, by), output }));
  });
}

function spawnOptions({ env, account }: Command): { cwd: string; env: NodeJS.ProcessEnv; uid?: number; gid?: number } {
  // The working directory is one that every account can enter and that holds no configuration file.
  const options = { cwd: '/', env: { ...env } };
  return account === undefined ? options : { ...options, uid: account.uid, gid: account.gid };
}

function describeEnd(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `exit code ${String(code)}` : `ended by ${signal}`;
}

/** What tells one process from another that has the same pid later. */
export interface ProcessSight {
  /** When the process began, as the system words it; equal for the same process, different for any other. */
  readonly began: string;
  /** The command line, arguments separated by blanks. */
  readonly commandLine: string;
}

/** The living process of that pid; undefined when there is none (an unreaped one that has ended counts as none). */
export function lookAtProcess(pid: number): ProcessSight | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  return process.platform === 'linux' ? lookInProc(pid) : askPs(pid);
}

function lookInProc(pid: number): ProcessSight | undefined {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
    // The name in parentheses may hold anything; state is the first field after it, the start time the 20th.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (/^[ZXx]/.test(fields[0] ?? 'X')) return undefined;
    const commandLine = readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8')
      .split('\0')
      .join(' ')
      .trim();
    return { began: fields[19] ?? '', commandLine };
  } catch {
    return undefined;
  }
}

function askPs(pid: number): ProcessSight | undefined {
  try {
    const args = ['-o', 'stat=,lstart=,command=', '-p', String(pid)];
    const line = execFileSync('ps', args, { encoding: 'utf8', env: { PATH: process.env['PATH'], LC_ALL: 'C' } });
    const [, state, began, commandLine] = /^\s*(\S+)\s+(\w{3}\s+\w{3}\s+\d+ [\d:]+ \d{4})\s+(.*)$/m.exec(line) ?? [];
    if (state === undefined || began === undefined || state.startsWith('Z')) return undefined;
    return { began, commandLine: commandLine ?? '' };
  } catch {
    return undefined;
  }
}

export interface StopStep {
  readonly signal: NodeJS.Signals;
  /** How long to wait for the end before the next step, in milliseconds. */
  readonly graceMs: number;
}

export function isRunning({ pid, began }: ProcessRef): boolean {
  return lookAtProcess(pid)?.began === began;
}

/** Sends each signal in turn until the process has ended; one that has ended already is left alone. */
export async function stopProcess(target: ProcessRef, steps: readonly StopStep[]): Promise<void> {
  for (const { signal, graceMs } of steps) {
    if (!isRunning(target)) return;
    sendSignal(target, signal);
    if (await waitUntil(() => !isRunning(target), graceMs)) return;
  }
  throw new Error(`process ${target.pid} does not end`);
}

/** Sends a signal; a process that has ended meanwhile is no error. */
export function sendSignal(target: ProcessRef, signal: NodeJS.Signals): void {
  if (!isRunning(target)) return;
  try {
    process.kill(target.pid, signal);
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}

/** Looks every 20 ms; false when `timeoutMs` is over first. */
export async function waitUntil(condition: () => boolean | Promise<boolean>, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    if (await condition()) return true;
    if (performance.now() >= deadline) return false;
    await sleep(20);
  }
}

/** The service as production runs it, `bailiwick serve`, built: a process that tests may stop, kill and start again. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../bin/bailiwick.js', import.meta.url));

export interface ServedOptions {
  readonly databaseUrl: string;
  readonly engineUrl: string;
  readonly storeId: string;
  /** More settings. */
  readonly env?: Readonly<Record<string, string>>;
  /** Of Node, before the program. */
  readonly nodeArgs?: readonly string[];
}

export interface Served {
  /** Ends in `/api/v1`. */
  readonly base: string;
  readonly management: string;
  readonly child: ChildProcess;
  /** Every line of the log so far. */
  readonly lines: readonly string[];
  /** Sends the signal and resolves to the exit code once the process has ended. */
  readonly end: (signal: NodeJS.Signals) => Promise<number | null>;
}

/** A process that may not serve yet. */
export interface Starting {
  readonly child: ChildProcess;
  readonly lines: readonly string[];
  /** Resolves when it serves; rejects when it ends before. */
  readonly serving: Promise<Served>;
  readonly end: (signal: NodeJS.Signals) => Promise<number | null>;
}

/** Starts it, on two free ports. */
export function startServing({ databaseUrl, engineUrl, storeId, env = {}, nodeArgs = [] }: ServedOptions): Starting {
  const child = spawn(process.execPath, [...nodeArgs, PROGRAM, 'serve'], {
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: databaseUrl,
      BAILIWICK_OPENFGA_URL: engineUrl,
      BAILIWICK_OPENFGA_STORE_ID: storeId,
      BAILIWICK_PORT: '0',
      BAILIWICK_MANAGEMENT_PORT: '0',
      BAILIWICK_TRUST_LOOPBACK: 'yes',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const lines: string[] = [];
  const end = (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    return ended;
  };
  const serving = new Promise<Served>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      if (!line.includes('"serving"')) return;
      const { service, management } = JSON.parse(line) as { service: string; management: string };
      resolve({ base: `${service}/api/v1`, management, child, lines, end });
    });
    child.once('exit', (code) => {
      reject(new Error(`the service ended with ${String(code)}:\n${lines.slice(-5).join('\n')}`));
    });
  });
  // Whoever only wants it started does not wait for it.
  serving.catch(() => undefined);
  return { child, lines, serving, end };
}

/** Resolves when it serves; rejects when it ends before. */
export const serve = (options: ServedOptions): Promise<Served> => startServing(options).serving;

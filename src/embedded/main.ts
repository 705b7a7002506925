/**
 * The process edge of the development commands: `npm start` and `npm run env`.
 *
 * The first signal ends everything in order, the next one at once. From a terminal Ctrl-C arrives twice, once from the
 * terminal and once more from npm, which passes it on: what follows within a second is the same wish.
 */
import { parseArgs } from 'node:util';

import { ConfigError } from '../config.js';
import { shellExports } from './exports.js';
import { locateData } from './paths.js';
import { createProgress } from './progress.js';
import { findRunning } from './running.js';
import { StartFailure, errorCode } from './start-failure.js';
import { StopRequest, start } from './start.js';

const HELP = `usage: npm start [-- options]

  --reset     delete the data of earlier starts first
  --no-demo   leave an empty database empty
  --help      this text

usage: npm run -s env

  prints where it runs as shell exports: eval "$(npm run -s env)"
`;

const SAME_WISH_MS = 1_000;
/** How long killed servers may take to be gone before we are. */
const FORCED_END_MS = 2_000;

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const complain = (line: string): void => void process.stderr.write(`${line}\n`);

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      reset: { type: 'boolean', default: false },
      'no-demo': { type: 'boolean', default: false },
    },
  });
  const [command, ...rest] = positionals;
  if (values.help) {
    print(HELP);
    return 0;
  }
  if (process.env['NODE_ENV'] === 'production') {
    throw new StartFailure('this is for development, and `NODE_ENV` is `production`: run `bailiwick serve`');
  }
  if (command === 'start' && rest.length === 0) {
    await runStart({ reset: values.reset, demo: !values['no-demo'] });
    return 0;
  }
  if (command === 'env' && rest.length === 0) {
    printEnvironment();
    return 0;
  }
  complain(HELP);
  return 2;
}

async function runStart(flags: { reset: boolean; demo: boolean }): Promise<void> {
  const ending = new AbortController();
  const force = new AbortController();
  let askedAt: number | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (askedAt === undefined) {
        askedAt = performance.now();
        print('stopping …');
        ending.abort(new StopRequest());
      } else if (performance.now() - askedAt > SAME_WISH_MS && !force.signal.aborted) {
        force.abort();
        setTimeout(() => process.exit(1), FORCED_END_MS);
      }
    });
  }
  // A fault of ours must not leave the servers running.
  process.on('uncaughtException', (error) => ending.abort(error));
  await start({ ...flags, env: process.env, print, progress: createProgress(print), ending, force: force.signal });
  if (force.signal.aborted) throw new StartFailure('stopped by force');
  print('stopped');
}

function printEnvironment(): void {
  const running = findRunning(locateData(process.env).dataDir);
  if (running === undefined) throw new StartFailure('nothing runs here: run `npm start` first');
  shellExports(running).forEach(print);
}

// A reader that has gone away, such as a closed terminal, is no reason to fail.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);
try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  const isUsage = errorCode(error)?.startsWith('ERR_PARSE_ARGS') === true;
  const isSentence = isUsage || error instanceof StartFailure || error instanceof ConfigError;
  if (error instanceof Error) complain(`bailiwick: ${isSentence ? error.message : (error.stack ?? error.message)}`);
  else complain(`bailiwick: ${String(error)}`);
  process.exitCode = isUsage ? 2 : 1;
}

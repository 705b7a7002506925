/**
 * The process edge: arguments and environment in, exit codes and signals out.
 *
 * `serve` is what production runs; it embeds nothing. SIGTERM turns readiness off, lets traffic move away, finishes
 * what is under way and exits with 0; a second one ends at once.
 */
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import type { Logger } from 'pino';

import { runMigrate, runReconcile, runServiceKeyCreate } from './commands.js';
import { compose } from './compose.js';
import { ConfigError, readConfig, readMigrationUrl, readOperatorConfig } from './config.js';

const HELP = `usage: bailiwick <command> [options]

  serve                            run the service (settings: see the README's table)
  migrate                          bring the database up to date
  reconcile --dry-run | --repair   compare rows and tuples, and repair [--json]
                                   exit 0: equal or repaired; 3: the dry run found drift; 1: it did not finish
  service-key create --name NAME   make a key for a backend [--tenant ID]; printed once
`;

/** Between turning readiness off and closing the door: load balancers need to notice. */
const DRAIN_MS = 5_000;

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const complain = (line: string): void => void process.stderr.write(`${line}\n`);

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      json: { type: 'boolean', default: false },
      'dry-run': { type: 'boolean', default: false },
      repair: { type: 'boolean', default: false },
      name: { type: 'string' },
      tenant: { type: 'string' },
    },
  });
  const command = positionals.join(' ');
  if (values.help === true || command === 'help') {
    print(HELP);
    return 0;
  }
  switch (command) {
    case 'serve':
      return await serve();
    case 'migrate':
      return await runMigrate(readMigrationUrl(process.env), logger('info'), print);
    case 'reconcile':
      if (values['dry-run'] === values.repair) throw new Error('say either `--dry-run` or `--repair`');
      return await runReconcile(readOperatorConfig(process.env), values, { print, progress: complain });
    case 'service-key create':
      if (values.name === undefined) throw new Error('`--name` is missing');
      return await runServiceKeyCreate(
        readOperatorConfig(process.env),
        { name: values.name, tenantId: values.tenant },
        print,
      );
    default:
      complain(HELP);
      return 2;
  }
}

async function serve(): Promise<number> {
  const config = readConfig(process.env);
  const log = logger(config.logLevel);
  const service = compose(config, log);
  const stopping = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(1));
        log.info({ signal }, 'stopping');
        service.drain();
        setTimeout(resolve, signal === 'SIGTERM' ? DRAIN_MS : 0);
      });
    }
  });
  // A signal while the parts are still starting must stop them too.
  const started = service.start().then(() => log.info(service.addresses(), 'serving'));
  await Promise.race([stopping, started.then(() => stopping)]);
  await service.stop();
  return 0;
}

function logger(level: string): Logger {
  return pino({ level, base: null, redact: ['*.password', '*.authorization', '*.token'] });
}

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  complain(`bailiwick: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = error instanceof ConfigError ? 2 : 1;
}

/**
 * The process edge: arguments and environment in, exit codes and signals out.
 *
 * `serve` is what production runs; it embeds nothing. SIGTERM turns readiness off, lets traffic move away, finishes
 * what is under way and exits with 0; a second one ends at once.
 */
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import type { Logger } from 'pino';

import {
  findAccessCommand,
  findAuditCommand,
  findKeyCommand,
  findSyncCommand,
  runDoctor,
  runMigrate,
  runPlatformAdminBootstrap,
  runReconcile,
  runRestoreAdopt,
  runServiceKeyCreate,
  runStoreEnsure,
} from './commands.js';
import { compose } from './compose.js';
import {
  ConfigError,
  readAuditConfig,
  readConfig,
  readEngineAddress,
  readKeysConfig,
  readMigrationUrl,
  readOperatorConfig,
} from './config.js';

const HELP = `usage: bailiwick <command> [options]

  serve                            run the service (settings: see the README's table)
  migrate                          bring the database up to date
  reconcile --dry-run | --repair   compare rows and tuples, and repair [--json]
                                   exit 0: equal or repaired; 3: the dry run found drift; 1: it did not finish
  restore adopt [--dry-run]        take up a database that was restored from a backup [--json]
                                   put BAILIWICK_AUDIT_CHECKPOINT_FILE aside, as evidence, before \`serve\` starts
                                   exit 0: done; 3: the dry run found the cluster too young; 1: it cannot be done so
  export [--tenant ID]             who has what, as NDJSON, to keep or to bring elsewhere [--file PATH [--force]]
  import --file PATH               make this database hold what such a document says [--dry-run] [--prune] [--json]
                                   --prune ends the assignments and managers that it does not have
                                   exit 0: so it is; 3: the dry run found differences; 1: refused, nothing is changed
  doctor                           what is wrong with the settings, Postgres and OpenFGA, and its cure [--json]
                                   exit 0: nothing, warnings aside; 3: faults were found; reads alone
  outbox list                      what waits to be in force [--parked] [--tenant ID] [--json]; exit 3: some is parked
  outbox retry                     try parked entries again now [--tenant ID] [--dry-run] [--json]
  model status                     which model the store has [--json]; exit 3: not the one of this version
  keys list                        what our tokens are signed with [--json]
  keys rotate                      make the next key before its time; it signs in an hour [--dry-run] [--json]
                                   --now: keys or secret are in other hands; it signs at once, all others are gone
  store ensure --name NAME         find or make the store in OpenFGA, and print its id [--file PATH: write it there too]
  service-key create --name NAME   make a key for a backend [--tenant ID]; printed once
  audit verify                     is the audit log what it was? [--lane admin|decision] [--from N|TIME] [--to N|TIME]
                                   without --lane: both lanes
                                   [--file EXPORT [--allow-pruned]] [--checkpoints FILE] [--public-key KEY] [--json]
                                   exit 0: yes; 3: no, and where; 1: it did not finish
  audit export                     one lane as NDJSON, to be verified elsewhere [--lane …] [--from …] [--to …]
                                   without --lane: lane admin
  audit prove --entry ID           proof that an entry is in the log [--lane …] [--checkpoints FILE]
                                   without --lane: lane admin
  audit verify-proof --file FILE   check such a proof [--public-key KEY]
  audit status                     how far each lane is sealed and covered, and who holds it up [--json]
  audit prune --before TIME        which old partitions could leave; --drop drops them [--lane …] [--json]
                                   without --lane: of both lanes
  audit public-key                 the public half of BAILIWICK_AUDIT_KEY
  platform-admin bootstrap --email ADDRESS [--name NAME]
                                   make the first platform admin; refused once there is one
`;

/** From the first signal to the end, whatever hangs; an orchestrator kills after 30 s as a rule. */
const END_MS = 20_000;
/** Between turning readiness off and closing the door: load balancers need to notice. */
const DRAIN_MS = 5_000;

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const complain = (line: string): void => void process.stderr.write(`${line}\n`);

/** Every option of every command; each command reads some. */
const OPTIONS = {
  help: { type: 'boolean', short: 'h' },
  json: { type: 'boolean', default: false },
  'dry-run': { type: 'boolean', default: false },
  repair: { type: 'boolean', default: false },
  parked: { type: 'boolean', default: false },
  name: { type: 'string' },
  tenant: { type: 'string' },
  lane: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  file: { type: 'string' },
  checkpoints: { type: 'string' },
  'public-key': { type: 'string' },
  'allow-pruned': { type: 'boolean', default: false },
  entry: { type: 'string' },
  before: { type: 'string' },
  drop: { type: 'boolean', default: false },
  now: { type: 'boolean', default: false },
  email: { type: 'string' },
  force: { type: 'boolean', default: false },
  prune: { type: 'boolean', default: false },
} as const;

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: OPTIONS,
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
    case 'restore adopt':
      return await runRestoreAdopt(readOperatorConfig(process.env), values, { print, progress: complain });
    case 'doctor':
      return await runDoctor(process.env, values, print);
    case 'store ensure':
      if (values.name === undefined) throw new Error('`--name` is missing');
      return await runStoreEnsure(readEngineAddress(process.env), { name: values.name, file: values.file }, print);
    case 'service-key create':
      if (values.name === undefined) throw new Error('`--name` is missing');
      return await runServiceKeyCreate(
        readOperatorConfig(process.env),
        { name: values.name, tenantId: values.tenant },
        print,
      );
    case 'platform-admin bootstrap':
      if (values.email === undefined) throw new Error('`--email` is missing');
      return await runPlatformAdminBootstrap(
        readOperatorConfig(process.env),
        { email: values.email, displayName: values.name ?? '' },
        print,
      );
    default: {
      const sync = findSyncCommand(command);
      if (sync !== undefined) return await sync(readOperatorConfig(process.env), values, print);
      const keys = findKeyCommand(command);
      if (keys !== undefined) return await keys(readKeysConfig(process.env), values, { print, log: logger('warn') });
      const access = findAccessCommand(command);
      if (access !== undefined) return await access(readOperatorConfig(process.env), values, { print, complain });
      const audit = findAuditCommand(command);
      if (audit !== undefined) return await audit(readAuditConfig(process.env), values, print);
      complain(HELP);
      return 2;
    }
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
        setTimeout(() => {
          log.error('it did not end in time');
          process.exit(1);
        }, END_MS).unref();
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
  return pino({
    level,
    base: null,
    redact: ['*.password', '*.authorization', '*.token', '*.accessToken', '*.oneTimePassword'],
  });
}

// Whoever reads what is printed may stop reading, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  complain(`bailiwick: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = error instanceof ConfigError ? 2 : 1;
}

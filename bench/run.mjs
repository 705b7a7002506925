/** `npm run bench [-- name …]`: runs the benches, all or those named, one after the other. */
import { machineLine } from '../scripts/machine.mjs';
import * as audit from './audit.mjs';
import * as batch from './batch.mjs';
import * as checks from './checks.mjs';
import * as listRecords from './list-records.mjs';
import * as managerChains from './manager-chains.mjs';
import * as memory from './memory.mjs';
import * as overload from './overload.mjs';
import * as ownWork from './own-work.mjs';
import * as revocation from './revocation.mjs';
import * as revocationUnderLoad from './revocation-under-load.mjs';
import * as rollingRestart from './rolling-restart.mjs';
import * as sideBySide from './side-by-side.mjs';
import * as signInFlood from './sign-in-flood.mjs';
import * as signInTiming from './sign-in-timing.mjs';
import * as syncLatency from './sync-latency.mjs';
import * as tenantSize from './tenant-size.mjs';

/** @type {Record<string, { run: () => Promise<void> } | undefined>} */
const BENCHES = {
  'own-work': ownWork,
  checks,
  batch,
  'tenant-size': tenantSize,
  memory,
  revocation,
  'sync-latency': syncLatency,
  'revocation-under-load': revocationUnderLoad,
  audit,
  'sign-in-timing': signInTiming,
  'sign-in-flood': signInFlood,
  'manager-chains': managerChains,
  'list-records': listRecords,
  'rolling-restart': rollingRestart,
  'side-by-side': sideBySide,
  overload,
};

const named = process.argv.slice(2);
const unknown = named.filter((name) => !Object.hasOwn(BENCHES, name));
if (unknown.length > 0) {
  console.error(`no bench is named ${unknown.join(', ')}: there are ${Object.keys(BENCHES).join(', ')}`);
  process.exit(2);
}
console.log(`${machineLine()}; load generator, service, engine and Postgres share the cores`);
for (const name of named.length === 0 ? Object.keys(BENCHES) : named) {
  await BENCHES[name]?.run();
}

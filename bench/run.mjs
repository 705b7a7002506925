/** `npm run bench [-- name …]`: runs the benches, all or those named, one after the other. */
import { printMachine } from './support.mjs';

const BENCHES = ['sync-latency', 'revocation-under-load'];

const named = process.argv.slice(2);
const unknown = named.filter((name) => !BENCHES.includes(name));
if (unknown.length > 0) {
  console.error(`no bench is named ${unknown.join(', ')}: there are ${BENCHES.join(', ')}`);
  process.exit(2);
}
printMachine();
for (const name of named.length === 0 ? BENCHES : named) {
  const bench = /** @type {{ run: () => Promise<void> }} */ (await import(`./${name}.mjs`));
  await bench.run();
}

/**
 * Builds the console into dist/console, unless what is there was made of the same sources.
 *
 *   node scripts/build-console.mjs           builds where something changed
 *   node scripts/build-console.mjs --force   builds
 *
 * What it is made of: console/, the types of the contract, and the versions in the lockfile. Their hash stands beside the
 * result, so that a start without changes costs milliseconds.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const TARGET = join(ROOT, 'dist', 'console');
const STAMP = join(TARGET, '.sources');

/** @param {string} folder @returns {string[]} paths of all files below it, in order */
function filesUnder(folder) {
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      return entry.isDirectory() ? filesUnder(path) : [path];
    })
    .sort();
}

function hashOfSources() {
  const hash = createHash('sha256');
  for (const path of [
    ...filesUnder('console'),
    'src/contract/api.ts',
    'package-lock.json',
    'scripts/build-console.mjs',
  ]) {
    hash.update(`${path}\0`).update(readFileSync(join(ROOT, path)));
  }
  return hash.digest('hex');
}

async function buildConsole() {
  const { build } = await import('vite');
  await build({
    configFile: false,
    root: join(ROOT, 'console'),
    base: '/console/',
    logLevel: 'error',
    build: {
      outDir: TARGET,
      emptyOutDir: true,
      target: 'es2022',
      // The policy of the page allows no inline anything, data: addresses included.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
    },
  });
}

const sources = hashOfSources();
const isCurrent = existsSync(STAMP) && readFileSync(STAMP, 'utf8') === sources;
if (!isCurrent || process.argv.includes('--force')) {
  await buildConsole();
  writeFileSync(STAMP, sources);
}

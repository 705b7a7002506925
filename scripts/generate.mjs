/**
 * Makes src/contract/, and the types of the TypeScript client, from openapi.yaml, model.fga and presets/*.yaml.
 *
 *   node scripts/generate.mjs           writes the files
 *   node scripts/generate.mjs --check   writes nothing; exits 1 and names the files that are not what they should be
 *
 * The same sources give the same bytes, so a comparison is all that the check needs. A fault in a source ends the
 * program with every fault of that source, and leaves the files as they are.
 */
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import prettier from 'prettier';
import { apiTypes, operationsSource, readContract } from './generate/operations.mjs';
import { readModel } from './generate/model.mjs';
import { modelSource, permissionTypes, presetsSource } from './generate/sources.mjs';
import { readPresets } from './generate/presets.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Folders in which nothing lies but what is made here. */
const TARGETS = ['src/contract', 'clients/typescript/src/contract'];
/** What the client asks: its types are of these alone. */
const CLIENT_OPERATIONS = /** @type {const} */ ([
  'POST /check',
  'POST /batch-check',
  'POST /list-objects',
  'POST /auth/introspect',
]);

/** @returns {Promise<Map<string, string>>} path from the root → content, for every file of the targets */
async function generate() {
  const read = (/** @type {string[]} */ ...path) => readFile(join(ROOT, ...path), 'utf8');
  const { model, hash, catalogue } = readModel(await read('model.fga'));
  const tenantPermissions = catalogue.filter(({ objectType }) => objectType === 'tenant').map(({ id }) => id);

  const files = (await readdir(join(ROOT, 'presets'))).filter((file) => file.endsWith('.yaml')).sort();
  const sources = files.map(async (file) => ({ file: basename(file, '.yaml'), text: await read('presets', file) }));
  const presets = readPresets(await Promise.all(sources), tenantPermissions);

  const contract = readContract(
    await read('openapi.yaml'),
    catalogue.map(({ id }) => id),
  );
  const file = join(ROOT, 'openapi.yaml');
  const types = await apiTypes(file);
  const ofClient = await apiTypes(file, CLIENT_OPERATIONS);
  return new Map([
    ['src/contract/api.ts', await finished('openapi.yaml', types)],
    ['src/contract/model.ts', await finished('model.fga', modelSource({ model, hash, catalogue }))],
    ['src/contract/operations.ts', await finished('openapi.yaml', operationsSource(contract, types))],
    ['src/contract/presets.ts', await finished('presets/', presetsSource(presets))],
    ['clients/typescript/src/contract/api.ts', await finished('openapi.yaml', ofClient)],
    ['clients/typescript/src/contract/permissions.ts', await finished('model.fga', permissionTypes(catalogue))],
  ]);
}

/** @param {string} origin @param {string} source @returns {Promise<string>} with its header, formatted */
async function finished(origin, source) {
  const options = await prettier.resolveConfig(join(ROOT, 'package.json'));
  const text = `// Made from ${origin} by scripts/generate.mjs. Edit that, and run \`npm run generate\`.\n${source}`;
  return prettier.format(text, { ...options, parser: 'typescript' });
}

/** @param {Map<string, string>} wanted @returns {Promise<string[]>} the files that differ, lack, or should not be there */
async function staleFiles(wanted) {
  const listed = TARGETS.map(async (folder) => {
    const names = await readdir(join(ROOT, folder)).catch(() => /** @type {string[]} */ ([]));
    return names.map((name) => `${folder}/${name}`);
  });
  const present = (await Promise.all(listed)).flat();
  const paths = [...new Set([...wanted.keys(), ...present])].sort();
  const stale = await Promise.all(
    paths.map(async (path) => {
      const content = present.includes(path) ? await readFile(join(ROOT, path), 'utf8') : undefined;
      return content === wanted.get(path) ? [] : [path];
    }),
  );
  return stale.flat();
}

/** @param {Map<string, string>} wanted @param {readonly string[]} stale */
async function writeFiles(wanted, stale) {
  for (const folder of TARGETS) await mkdir(join(ROOT, folder), { recursive: true });
  for (const path of stale) {
    const content = wanted.get(path);
    if (content === undefined) await rm(join(ROOT, path));
    else await writeFile(join(ROOT, path), content);
  }
}

try {
  const wanted = await generate();
  const stale = await staleFiles(wanted);
  if (process.argv.includes('--check')) {
    for (const path of stale) console.error(`${path} is stale: run \`npm run generate\``);
    if (stale.length > 0) process.exitCode = 1;
  } else {
    await writeFiles(wanted, stale);
    for (const path of stale) console.log(path);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

/**
 * Makes src/contract/ from openapi.yaml, model.fga and presets/*.yaml.
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
import { modelSource, presetsSource } from './generate/sources.mjs';
import { readPresets } from './generate/presets.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const TARGET = join(ROOT, 'src', 'contract');

/** @returns {Promise<Map<string, string>>} file name → content, for every file of src/contract/ */
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
  const types = await apiTypes(join(ROOT, 'openapi.yaml'));
  return new Map([
    ['api.ts', await finished('openapi.yaml', types)],
    ['model.ts', await finished('model.fga', modelSource({ model, hash, catalogue }))],
    ['operations.ts', await finished('openapi.yaml', operationsSource(contract, types))],
    ['presets.ts', await finished('presets/', presetsSource(presets))],
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
  const present = await readdir(TARGET).catch(() => /** @type {string[]} */ ([]));
  const names = [...new Set([...wanted.keys(), ...present])].sort();
  const stale = await Promise.all(
    names.map(async (name) => {
      const content = present.includes(name) ? await readFile(join(TARGET, name), 'utf8') : undefined;
      return content === wanted.get(name) ? [] : [name];
    }),
  );
  return stale.flat();
}

/** @param {Map<string, string>} wanted @param {readonly string[]} stale */
async function writeFiles(wanted, stale) {
  await mkdir(TARGET, { recursive: true });
  for (const name of stale) {
    const content = wanted.get(name);
    if (content === undefined) await rm(join(TARGET, name));
    else await writeFile(join(TARGET, name), content);
  }
}

try {
  const wanted = await generate();
  const stale = await staleFiles(wanted);
  if (process.argv.includes('--check')) {
    for (const name of stale) console.error(`src/contract/${name} is stale: run \`npm run generate\``);
    if (stale.length > 0) process.exitCode = 1;
  } else {
    await writeFiles(wanted, stale);
    for (const name of stale) console.log(`src/contract/${name}`);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

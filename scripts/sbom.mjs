/**
 * `npm run sbom`: what runs in production and under which licences, from the lockfile's tree as it is installed.
 *
 *   npm run -s sbom               the bill of materials, CycloneDX JSON, as npm makes it
 *   npm run -s sbom -- licences   one line a package: name, version, licence
 *   npm run -s sbom -- check      exits with 1 where a licence is not one that we have agreed to
 */
import { execFileSync } from 'node:child_process';

/** Ask nothing of who uses what is made with them but to name them. */
const AGREED = new Set(['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', '0BSD']);

/** @typedef {{ name: string, version: string, licences: string[] }} Package */
/** @typedef {{ license?: { id?: string, name?: string }, expression?: string }} Licence */
/** @typedef {{ components: { name: string, group?: string, version: string, licenses?: Licence[] }[] }} Bill */

/** @returns {string} */
function bill() {
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--omit', 'dev'];
  return execFileSync('npm', args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
}

/**
 * @param {string} text
 * @returns {Package[]}
 */
function packagesOf(text) {
  /** @type {Bill} */
  // eslint-disable-next-line @typescript-eslint/no-unsafe-assignment -- npm's own output, of the form that CycloneDX gives it
  const { components } = JSON.parse(text);
  return components
    .map(({ name, group, version, licenses = [] }) => ({
      name: group === undefined || name.startsWith('@') ? name : `${group}/${name}`,
      version,
      licences: licenses.map(({ license, expression }) => license?.id ?? license?.name ?? expression ?? 'unknown'),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

// Whoever reads may have read enough.
process.stdout.on('error', () => process.exit());
const [what = 'bill'] = process.argv.slice(2);
const text = bill();
if (what === 'bill') {
  process.stdout.write(text);
} else {
  const packages = packagesOf(text);
  const odd = packages.filter(({ licences }) => licences.length === 0 || licences.some((id) => !AGREED.has(id)));
  const listed = what === 'check' ? odd : packages;
  for (const { name, version, licences } of listed) {
    process.stdout.write(`${name} ${version} ${licences.join(', ') || 'none given'}\n`);
  }
  if (what === 'check') {
    process.stdout.write(`${String(packages.length)} packages, ${String(odd.length)} under another licence\n`);
    process.exitCode = odd.length === 0 ? 0 : 1;
  }
}

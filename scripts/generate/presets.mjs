/**
 * presets/*.yaml to src/contract/presets.ts.
 *
 * A preset is data: which permissions make sense in a tenant of that kind, and which roles it starts with. The word
 * `all` stands for the permissions of the preset; it is spelled out here, so that no reader of the constants has to
 * know it.
 *
 * INVARIANT: every tenant permission belongs to a preset, and a role name to one preset only: a role that is assigned
 * in all tenants is kept by its name.
 */
import { parse } from 'yaml';

/** @typedef {{ name: string; description: string; permissions: string[]; delegates: string[] }} PresetRole */
/** @typedef {{ name: string; description: string; permissions: string[]; roles: PresetRole[] }} Preset */

const ROLE_NAME = /^([A-Z][A-Z0-9_]*|[a-z][a-z0-9_]*)$/;
/** Virtual: it has everything, everywhere, and belongs to no preset. */
const PLATFORM_ROLE = 'PLATFORM_ADMIN';

/**
 * Reads the presets and refuses them when one names what does not exist.
 *
 * @param {readonly { file: string; text: string }[]} sources `file` without its folder and ending
 * @param {readonly string[]} known the tenant permissions, in the order of the model
 * @returns {Preset[]} permissions in the order of the model, roles as written
 * @throws {Error} naming every fault
 */
export function readPresets(sources, known) {
  /** @type {string[]} */
  const faults = [];
  const presets = sources.map(({ file, text }) => {
    const reader = createReader(`presets/${file}.yaml`, faults);
    return readPreset(/** @type {unknown} */ (parse(text)), { file, known, reader });
  });
  const names = presets.flatMap(({ roles }) => roles.map(({ name }) => name));
  for (const name of repeated(names)) faults.push(`role \`${name}\` occurs twice`);
  for (const name of names) {
    if (!ROLE_NAME.test(name)) faults.push(`\`${name}\` is not a role name`);
    if (name.toUpperCase() === PLATFORM_ROLE) faults.push(`\`${PLATFORM_ROLE}\` belongs to no preset`);
  }
  const used = new Set(presets.flatMap(({ permissions }) => permissions));
  for (const id of known) if (!used.has(id)) faults.push(`\`${id}\` belongs to no preset`);
  if (faults.length > 0) throw new Error(`presets:\n  ${faults.join('\n  ')}`);
  return presets;
}

/** @typedef {ReturnType<typeof createReader>} Reader */

/**
 * @param {unknown} document
 * @param {{ file: string; known: readonly string[]; reader: Reader }} context
 * @returns {Preset}
 */
function readPreset(document, { file, known, reader }) {
  const preset = reader.fields(document, ['name', 'description', 'permissions', 'roles']);
  const name = reader.text(preset['name'], 'name');
  if (name !== file) reader.fault(`is named \`${name}\``);
  const permissions = reader.permissions(preset['permissions'], { all: known, where: 'permissions' });
  const roles = Array.isArray(preset['roles']) ? preset['roles'] : [];
  if (roles.length === 0) reader.fault('has no roles');
  return {
    name,
    description: reader.text(preset['description'], 'description'),
    permissions,
    roles: roles.map((/** @type {unknown} */ role) => readRole(role, { permissions, reader })),
  };
}

/**
 * @param {unknown} entry
 * @param {{ permissions: readonly string[]; reader: Reader }} context
 * @returns {PresetRole}
 */
function readRole(entry, { permissions: all, reader }) {
  const role = reader.fields(entry, ['name', 'description', 'permissions', 'delegates']);
  const name = reader.text(role['name'], 'roles.name');
  const permissions = reader.permissions(role['permissions'], { all, where: `${name}.permissions` });
  const beyond = all.filter((id) => !permissions.includes(id));
  const delegates = reader.permissions(role['delegates'] ?? [], { all: beyond, where: `${name}.delegates` });
  return { name, description: reader.text(role['description'], `${name}.description`), permissions, delegates };
}

/**
 * Readers of foreign data which collect what is wrong with it.
 *
 * @param {string} file
 * @param {string[]} faults
 */
function createReader(file, faults) {
  const fault = (/** @type {string} */ message) => void faults.push(`${file} ${message}`);
  return {
    fault,
    /** @param {unknown} value @param {readonly string[]} names @returns {Record<string, unknown>} */
    fields(value, names) {
      const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
      for (const [key] of entries) if (!names.includes(key)) fault(`has the unknown field \`${key}\``);
      return Object.fromEntries(entries);
    },
    /** @param {unknown} value @param {string} where @returns {string} */
    text(value, where) {
      if (typeof value === 'string' && value !== '') return value;
      fault(`lacks the text \`${where}\``);
      return '';
    },
    /** @param {unknown} value @param {{ all: readonly string[]; where: string }} context @returns {string[]} */
    permissions(value, { all, where }) {
      if (value === 'all') return [...all];
      const ids = Array.isArray(value) ? value.map(String) : [];
      if (!Array.isArray(value)) fault(`lacks the list \`${where}\``);
      for (const id of ids) if (!all.includes(id)) fault(`may not name \`${id}\` in \`${where}\``);
      for (const id of repeated(ids)) fault(`names \`${id}\` twice in \`${where}\``);
      return all.filter((id) => ids.includes(id));
    },
  };
}

/** @param {readonly string[]} values */
function repeated(values) {
  return values.filter((value, index) => values.indexOf(value) !== index);
}

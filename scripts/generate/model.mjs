/**
 * model.fga to src/contract/model.ts: the model as the engine takes it, its hash, and the catalogue of permissions.
 *
 * The model is the catalogue, so what the engine cannot tell us must stand beside it: a comment `# [group] description`
 * above each permission. The rules below are those that the engine itself would not hold us to; they keep every
 * permission in one of two forms, so that a suspended tenant and a platform admin mean the same everywhere.
 *
 * INVARIANT: whether a permission reads or writes is what it depends on, `readable` or `writable`; names play no part.
 */
import { createHash } from 'node:crypto';
import syntax from '@openfga/syntax-transformer';
import { modelSize } from './model-size.mjs';

/** @typedef {import('@openfga/sdk').AuthorizationModel} StoredModel */
/** @typedef {Omit<StoredModel, 'id'>} Model */
/** @typedef {import('@openfga/sdk').TypeDefinition} TypeDefinition */
/** @typedef {import('@openfga/sdk').Userset} Userset */
/** @typedef {'tenant' | 'profile' | 'record'} ObjectType */
/** @typedef {{ id: string; group: string; description: string; kind: 'read' | 'write'; objectType: ObjectType }} Permission */

/** OpenFGA's default `maxAuthorizationModelSizeInBytes`. */
const MODEL_BYTES_MAX = 262_144;
const STRUCTURE = new Set(['platform', 'readable', 'writable', 'member', 'operator', 'live_member', 'active_member']);
/** Refused by the server, though not by the validator. */
const RESERVED = new Set(['self', 'this']);
const OTHER_PERMISSIONS = /** @type {const} */ ([
  ['profile', ['profile.read', 'profile.update']],
  ['record', ['record.read', 'record.update']],
]);
const PERMISSION_COMMENT = /^\s*#\s*\[([a-z_]+)\]\s+(\S.*?)\s*$/;
const DEFINE = /^\s*define\s+([^\s:]+)\s*:/;

/**
 * Reads a model and refuses one that breaks a rule.
 *
 * @param {string} dsl the text of model.fga
 * @returns {{ model: Model; hash: string; catalogue: Permission[] }} `hash` is the SHA-256, in hex, of the canonical JSON
 * @throws {Error} naming every rule that is broken
 */
export function readModel(dsl) {
  // Relation names end at 50 characters, so that with `grant.` before them permissions end at 44.
  syntax.validator.validateDSL(dsl);
  const json = JSON.stringify(syntax.transformer.transformDSLToJSONObject(dsl), withoutNull);
  /** @type {unknown} */
  const parsed = JSON.parse(json);
  const model = /** @type {Model} */ (parsed);
  const faults = [...shapeFaults(model)];
  const { comments, stray } = permissionComments(dsl);
  faults.push(...stray.map((line) => `line ${line} of the model describes a permission, but none follows`));
  const catalogue = permissionsOf(model).flatMap(({ objectType, id }) => {
    const comment = comments.get(id);
    const kind = kindOf(model, { objectType, id });
    if (comment === undefined) faults.push(`\`${id}\` has no \`# [group] description\` above it`);
    if (kind === undefined) faults.push(`\`${id}\` depends on neither or both of \`readable\` and \`writable\``);
    comments.delete(id);
    return comment === undefined || kind === undefined ? [] : [{ id, ...comment, kind, objectType }];
  });
  faults.push(...[...comments.keys()].map((id) => `\`${id}\` is described as a permission, but is none`));
  if (faults.length > 0) throw new Error(`model.fga:\n  ${faults.join('\n  ')}`);
  return { model, hash: hashOf(model), catalogue };
}

/** @param {string} _key @param {unknown} value */
const withoutNull = (_key, value) => (value === null ? undefined : value);

/**
 * SHA-256 over JSON with sorted keys, so that the same model has the same hash whatever wrote it.
 *
 * @param {unknown} value
 */
export function hashOf(value) {
  return createHash('sha256')
    .update(JSON.stringify(sorted(value)))
    .digest('hex');
}

/** @param {unknown} value @returns {unknown} */
function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}

/**
 * The comments above permissions. A grant and its permission are a pair: the comment stands above the first of them.
 *
 * @param {string} dsl
 */
function permissionComments(dsl) {
  /** @type {Map<string, { group: string; description: string }>} */
  const comments = new Map();
  /** @type {number[]} */
  const stray = [];
  const lines = dsl.split('\n');
  for (const [index, line] of lines.entries()) {
    const [, group, description] = PERMISSION_COMMENT.exec(line) ?? [];
    if (group === undefined || description === undefined) continue;
    const relation = DEFINE.exec(lines[index + 1] ?? '')?.[1];
    if (relation === undefined) stray.push(index + 1);
    else comments.set(relation.replace(/^grant\./, ''), { group, description });
  }
  return { comments, stray };
}

/** @param {Model} model @param {string} type @returns {Record<string, Userset>} */
function relationsOf(model, type) {
  return model.type_definitions.find((definition) => definition.type === type)?.relations ?? {};
}

/**
 * Every permission that may be asked for, in the order of the model.
 *
 * @param {Model} model
 * @returns {{ objectType: ObjectType; id: string }[]}
 */
function permissionsOf(model) {
  const ofTenant = Object.keys(relationsOf(model, 'tenant')).filter((name) => name.startsWith('grant.'));
  return [
    ...ofTenant.map((name) => ({ objectType: /** @type {const} */ ('tenant'), id: name.slice('grant.'.length) })),
    ...OTHER_PERMISSIONS.flatMap(([objectType, ids]) => ids.map((id) => ({ objectType, id }))),
  ];
}

/** @param {Model} model @returns {Generator<string>} */
function* shapeFaults(model) {
  const size = modelSize(model);
  if (size >= MODEL_BYTES_MAX)
    yield `the model has about ${size} bytes, the engine takes fewer than ${MODEL_BYTES_MAX}`;
  for (const definition of model.type_definitions) yield* typeFaults(definition);
  yield* tenantFaults(model);
  for (const [type, permissions] of OTHER_PERMISSIONS) {
    const relations = relationsOf(model, type);
    for (const id of permissions) if (!(id in relations)) yield `type \`${type}\` lacks \`${id}\``;
    for (const id of Object.keys(relations)) {
      if (id.includes('.') && !permissions.some((known) => known === id))
        yield `type \`${type}\` may not have the permission \`${id}\``;
    }
  }
}

/** @param {TypeDefinition} definition @returns {Generator<string>} */
function* typeFaults({ type, relations = {}, metadata }) {
  for (const [name, userset] of Object.entries(relations)) {
    const here = `\`${type}#${name}\``;
    const direct = metadata?.relations?.[name]?.directly_related_user_types ?? [];
    if (RESERVED.has(name)) yield `${here} has a reserved name`;
    if (direct.some((reference) => reference.wildcard !== undefined)) yield `${here} uses a wildcard`;
    for (const step of stepsOf(userset)) {
      if (step.difference !== undefined) yield `${here} uses \`but not\``;
      const tupleset = step.tupleToUserset?.tupleset.relation;
      if (tupleset === undefined) continue;
      const parents = metadata?.relations?.[tupleset]?.directly_related_user_types ?? [];
      if (new Set(parents.map((parent) => parent.type)).size !== 1)
        yield `${here} goes through a tupleset of several types`;
    }
  }
}

/** @param {Model} model @returns {Generator<string>} */
function* tenantFaults(model) {
  const relations = relationsOf(model, 'tenant');
  const metadata = model.type_definitions.find(({ type }) => type === 'tenant')?.metadata?.relations ?? {};
  for (const name of Object.keys(relations)) {
    if (STRUCTURE.has(name)) continue;
    const id = name.replace(/^grant\./, '');
    if (name !== id) {
      const takes = metadata[name]?.directly_related_user_types;
      const direct = JSON.stringify(relations[name]) === '{"this":{}}';
      if (!direct || JSON.stringify(takes) !== '[{"type":"role","relation":"assignee"}]') {
        yield `\`${name}\` must be \`[role#assignee]\``;
      }
      if (!(id in relations)) yield `\`${name}\` has no permission \`${id}\` beside it`;
    } else if (!(`grant.${id}` in relations)) {
      yield `\`${id}\` has no \`grant.${id}\` beside it`;
    } else if (!permissionForms(id).includes(hashOf(relations[name]))) {
      yield `\`${id}\` is written as neither a reading nor a writing permission`;
    }
  }
}

/**
 * The hashes of the two forms of a permission: reading and writing.
 *
 * @param {string} id
 */
function permissionForms(id) {
  const from = (/** @type {string} */ tupleset, /** @type {string} */ relation) => ({
    tupleToUserset: { computedUserset: { relation }, tupleset: { relation: tupleset } },
  });
  const reading = [from('readable', `grant.${id}`), { computedUserset: { relation: 'operator' } }];
  const writing = [from('writable', `grant.${id}`), from('writable', 'operator')];
  return [reading, writing].map((child) => hashOf({ union: { child } }));
}

/** @param {Userset} userset @returns {Userset[]} the expression and everything inside it */
function stepsOf(userset) {
  const { union, intersection, difference } = userset;
  const inner = [...(union?.child ?? []), ...(intersection?.child ?? [])];
  if (difference !== undefined) inner.push(difference.base, difference.subtract);
  return [userset, ...inner.flatMap(stepsOf)];
}

/**
 * Follows a permission through the model to the tenant's `readable` and `writable`.
 *
 * @param {Model} model
 * @param {{ objectType: string; id: string }} permission
 * @returns {'read' | 'write' | undefined} undefined where it reaches neither or both
 */
function kindOf(model, { objectType, id }) {
  /** @type {Set<string>} */
  const seen = new Set();
  /** @type {Set<'read' | 'write'>} */
  const kinds = new Set();
  const visit = (/** @type {string} */ type, /** @type {string} */ relation) => {
    if (seen.has(`${type}#${relation}`)) return;
    seen.add(`${type}#${relation}`);
    const definition = model.type_definitions.find((candidate) => candidate.type === type);
    const userset = definition?.relations?.[relation];
    for (const step of userset === undefined ? [] : stepsOf(userset)) {
      if (step.computedUserset?.relation !== undefined) visit(type, step.computedUserset.relation);
      const through = step.tupleToUserset;
      if (through === undefined) continue;
      if (type === 'tenant' && through.tupleset.relation === 'readable') kinds.add('read');
      if (type === 'tenant' && through.tupleset.relation === 'writable') kinds.add('write');
      const parents = definition?.metadata?.relations?.[through.tupleset.relation ?? '']?.directly_related_user_types;
      for (const parent of parents ?? []) visit(parent.type, through.computedUserset.relation ?? '');
    }
  };
  visit(objectType, id);
  return kinds.size === 1 ? [...kinds][0] : undefined;
}

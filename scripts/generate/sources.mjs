/** The text of src/contract/model.ts and src/contract/presets.ts, without headers and unformatted. */

/** @typedef {ReturnType<typeof import('./model.mjs').readModel>} ReadModel */
/** @typedef {import('./presets.mjs').Preset} Preset */

/** @param {readonly string[]} values @returns {string} a union of string literals */
const union = (values) => values.map((value) => JSON.stringify(value)).join(' | ');

/** The types of an authorization model, as far as our own models go. */
const MODEL_TYPES = `
  export interface ObjectRelation {
    readonly relation: string;
  }

  /** How a relation is computed, in the JSON of OpenFGA's API. */
  export interface Userset {
    readonly this?: Readonly<Record<string, never>>;
    readonly computedUserset?: ObjectRelation;
    readonly tupleToUserset?: { readonly tupleset: ObjectRelation; readonly computedUserset: ObjectRelation };
    readonly union?: { readonly child: readonly Userset[] };
    readonly intersection?: { readonly child: readonly Userset[] };
  }

  export interface RelationReference {
    readonly type: string;
    readonly relation?: string;
    readonly condition?: string;
  }

  export interface TypeDefinition {
    readonly type: string;
    readonly relations: Readonly<Record<string, Userset>>;
    readonly metadata?: {
      readonly relations: Readonly<
        Record<string, { readonly directly_related_user_types: readonly RelationReference[] }>
      >;
    };
  }

  export interface Condition {
    readonly name: string;
    readonly expression: string;
    readonly parameters: Readonly<Record<string, { readonly type_name: 'TYPE_NAME_TIMESTAMP' }>>;
  }

  export interface AuthorizationModel {
    readonly schema_version: '1.1';
    readonly type_definitions: readonly TypeDefinition[];
    readonly conditions: Readonly<Record<string, Condition>>;
  }
`;

/** The names of all permissions, as types. @param {ReadModel['catalogue']} catalogue */
export function permissionTypes(catalogue) {
  const idsOf = (/** @type {string} */ type) =>
    catalogue.filter((entry) => entry.objectType === type).map(({ id }) => id);
  return `
    /** Permissions that a role can be granted: relations of \`tenant\` with a \`grant.\` twin. */
    export type TenantPermission = ${union(idsOf('tenant'))};

    /** Everything that may be asked for. */
    export type Permission = TenantPermission | ${union([...idsOf('profile'), ...idsOf('record')])};
  `;
}

/** @param {ReadModel} read */
export function modelSource({ model, hash, catalogue }) {
  return `
    ${permissionTypes(catalogue)}

    export interface CatalogueEntry {
      readonly id: Permission;
      readonly group: string;
      readonly description: string;
      /** What the tenant's status leaves of it: a read-only tenant reads, a suspended one does neither. */
      readonly kind: 'read' | 'write';
      readonly objectType: 'tenant' | 'profile' | 'record';
    }

    /** Every permission that may be asked for, in the order of the model. */
    export const catalogue: readonly CatalogueEntry[] = ${JSON.stringify(catalogue)};

    /** SHA-256 of the model's canonical JSON, in hex: equal models need no new model in the engine. */
    export const modelHash = ${JSON.stringify(hash)};

    ${MODEL_TYPES}

    /** The body of OpenFGA's WriteAuthorizationModel. */
    export const authorizationModel: AuthorizationModel = ${JSON.stringify(model)};
  `;
}

/** @param {readonly Preset[]} presets */
export function presetsSource(presets) {
  const byName = Object.fromEntries(presets.map((preset) => [preset.name, preset]));
  return `
    import type { TenantPermission } from './model.js';

    export type PresetName = ${union(presets.map(({ name }) => name))};

    /** A system role that a tenant of the preset starts with. */
    export interface PresetRole {
      readonly name: string;
      readonly description: string;
      readonly permissions: readonly TenantPermission[];
      /** What its holders may hand out beyond what they hold. */
      readonly delegates: readonly TenantPermission[];
    }

    export interface Preset {
      readonly name: PresetName;
      readonly description: string;
      /** The permissions that custom roles of such a tenant are assembled from. */
      readonly permissions: readonly TenantPermission[];
      readonly roles: readonly PresetRole[];
    }

    export const presets: Readonly<Record<PresetName, Preset>> = ${JSON.stringify(byName)};
  `;
}

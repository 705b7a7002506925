// Made from model.fga by scripts/generate.mjs. Edit that, and run `npm run generate`.

/** Permissions that a role can be granted: relations of `tenant` with a `grant.` twin. */
export type TenantPermission =
  | 'users.read'
  | 'users.update'
  | 'users.admin'
  | 'config.read'
  | 'config.update'
  | 'team.read'
  | 'team.update'
  | 'team.admin'
  | 'team_metrics.read'
  | 'team_dashboards.read'
  | 'claims.read'
  | 'claims.update'
  | 'denials.read'
  | 'denials.update'
  | 'payers.read'
  | 'payers.update'
  | 'fee_schedules.read'
  | 'fee_schedules.update'
  | 'members.read'
  | 'members.update'
  | 'eligibility.read'
  | 'eligibility.update'
  | 'dashboards.read'
  | 'personal_dashboard.read'
  | 'reports.read'
  | 'reports.run'
  | 'records.read'
  | 'records.create'
  | 'records.admin';

/** Everything that may be asked for. */
export type Permission = TenantPermission | 'profile.read' | 'profile.update' | 'record.read' | 'record.update';

export interface CatalogueEntry {
  readonly id: Permission;
  readonly group: string;
  readonly description: string;
  /** What the tenant's status leaves of it: a read-only tenant reads, a suspended one does neither. */
  readonly kind: 'read' | 'write';
  readonly objectType: 'tenant' | 'profile' | 'record';
}

/** Every permission that may be asked for, in the order of the model. */
export const catalogue: readonly CatalogueEntry[] = [
  {
    id: 'users.read',
    group: 'users',
    description: 'See users, their roles and effective permissions, and every profile of the tenant',
    kind: 'read',
    objectType: 'tenant',
  },
  {
    id: 'users.update',
    group: 'users',
    description: 'Add, change and remove users, and assign and revoke their roles',
    kind: 'write',
    objectType: 'tenant',
  },
  {
    id: 'users.admin',
    group: 'users',
    description: 'Create, clone and delete roles, and replace their permission sets',
    kind: 'write',
    objectType: 'tenant',
  },
  {
    id: 'config.read',
    group: 'config',
    description: 'See the configuration of the tenant and its audit log',
    kind: 'read',
    objectType: 'tenant',
  },
  {
    id: 'config.update',
    group: 'config',
    description: 'Change the configuration of the tenant',
    kind: 'write',
    objectType: 'tenant',
  },
  {
    id: 'team.read',
    group: 'team',
    description: 'See the people below oneself: their profiles and their records',
    kind: 'read',
    objectType: 'tenant',
  },
  {
    id: 'team.update',
    group: 'team',
    description: 'Manage the people below oneself',
    kind: 'write',
    objectType: 'tenant',
  },
  {
    id: 'team.admin',
    group: 'team',
    description: 'Change the structure of all teams: who manages whom',
    kind: 'write',
    objectType: 'tenant',
  },
  {
    id: 'team_metrics.read',
    group: 'team',
    description: "See the performance metrics of one's team",
    kind: 'read',
    objectType: 'tenant',
  },
  {
    id: 'team_dashboards.read',
    group: 'team',
    description: "See the dashboards of one's team",
    kind: 'read',
    objectType: 'tenant',
  },
  {
    id: 'claims.read',
    group: 'claims',
    description: 'See claims and their history',
    kind: 'read',
    objectType: 'tenant',
  },
  { id: 'claims.update', group: 'claims', description: 'Work on claims', kind: 'write', objectType: 'tenant' },
  {
    id: 'denials.read',
    group: 'denials',
    description: 'See denials and their history',
    kind: 'read',
    objectType: 'tenant',
  },
  { id: 'denials.update', group: 'denials', description: 'Work on denials', kind: 'write', objectType: 'tenant' },
  { id: 'payers.read', group: 'payers', description: 'See payers', kind: 'read', objectType: 'tenant' },
  { id: 'payers.update', group: 'payers', description: 'Manage payers', kind: 'write', objectType: 'tenant' },
  {
    id: 'fee_schedules.read',
    group: 'fee_schedules',
    description: 'See fee schedules',
    kind: 'read',
    objectType: 'tenant',
  },
  {
    id: 'fee_schedules.update',
    group: 'fee_schedules',
    description: 'Manage fee schedules',
    kind: 'write',
    objectType: 'tenant',
  },
  { id: 'members.read', group: 'members', description: 'See member records', kind: 'read', objectType: 'tenant' },
  { id: 'members.update', group: 'members', description: 'Manage member records', kind: 'write', objectType: 'tenant' },
  {
    id: 'eligibility.read',
    group: 'eligibility',
    description: 'See the eligibility of members',
    kind: 'read',
    objectType: 'tenant',
  },
  {
    id: 'eligibility.update',
    group: 'eligibility',
    description: 'Manage the eligibility of members',
    kind: 'write',
    objectType: 'tenant',
  },
  {
    id: 'dashboards.read',
    group: 'dashboards',
    description: 'See the dashboards of the whole tenant',
    kind: 'read',
    objectType: 'tenant',
  },
  {
    id: 'personal_dashboard.read',
    group: 'dashboards',
    description: "See one's own dashboard and metrics",
    kind: 'read',
    objectType: 'tenant',
  },
  { id: 'reports.read', group: 'reports', description: 'See finished reports', kind: 'read', objectType: 'tenant' },
  { id: 'reports.run', group: 'reports', description: 'Run reports', kind: 'read', objectType: 'tenant' },
  {
    id: 'records.read',
    group: 'records',
    description: 'See every record of the tenant, whoever owns it',
    kind: 'read',
    objectType: 'tenant',
  },
  {
    id: 'records.create',
    group: 'records',
    description: "Register records of one's own",
    kind: 'write',
    objectType: 'tenant',
  },
  {
    id: 'records.admin',
    group: 'records',
    description: 'Register, hand over and remove records of anyone',
    kind: 'write',
    objectType: 'tenant',
  },
  {
    id: 'profile.read',
    group: 'profile',
    description: 'See the personal data of a user',
    kind: 'read',
    objectType: 'profile',
  },
  {
    id: 'profile.update',
    group: 'profile',
    description: 'Change the personal data of a user, which only that user may',
    kind: 'write',
    objectType: 'profile',
  },
  { id: 'record.read', group: 'record', description: 'See a record', kind: 'read', objectType: 'record' },
  {
    id: 'record.update',
    group: 'record',
    description: 'Change a record, which only its owner may',
    kind: 'write',
    objectType: 'record',
  },
];

/** SHA-256 of the model's canonical JSON, in hex: equal models need no new model in the engine. */
export const modelHash = 'b4e64e55719ae31c613ddc11b39a25ceb73f708e2ea1b204259fbeabcf8c6f6a';

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

/** The body of OpenFGA's WriteAuthorizationModel. */
export const authorizationModel: AuthorizationModel = {
  schema_version: '1.1',
  type_definitions: [
    { type: 'user', relations: {} },
    {
      type: 'platform',
      relations: { super_admin: { this: {} } },
      metadata: {
        relations: {
          super_admin: { directly_related_user_types: [{ type: 'user' }, { type: 'user', condition: 'in_force' }] },
        },
      },
    },
    {
      type: 'role',
      relations: {
        a: { this: {} },
        b: { this: {} },
        assignee: {
          union: { child: [{ computedUserset: { relation: 'a' } }, { computedUserset: { relation: 'b' } }] },
        },
      },
      metadata: {
        relations: {
          a: { directly_related_user_types: [{ type: 'user' }, { type: 'user', condition: 'in_force' }] },
          b: { directly_related_user_types: [{ type: 'user' }, { type: 'user', condition: 'in_force' }] },
          assignee: { directly_related_user_types: [] },
        },
      },
    },
    {
      type: 'tenant',
      relations: {
        platform: { this: {} },
        readable: { this: {} },
        writable: { this: {} },
        member: { this: {} },
        operator: {
          tupleToUserset: { computedUserset: { relation: 'super_admin' }, tupleset: { relation: 'platform' } },
        },
        live_member: {
          tupleToUserset: { computedUserset: { relation: 'member' }, tupleset: { relation: 'readable' } },
        },
        active_member: {
          tupleToUserset: { computedUserset: { relation: 'member' }, tupleset: { relation: 'writable' } },
        },
        'grant.users.read': { this: {} },
        'users.read': {
          union: {
            child: [
              {
                tupleToUserset: {
                  computedUserset: { relation: 'grant.users.read' },
                  tupleset: { relation: 'readable' },
                },
              },
              { computedUserset: { relation: 'operator' } },
            ],
          },
        },
        'grant.users.update': { this: {} },
        'users.update': {
          union: {
            child: [
              {
                tupleToUserset: {
                  computedUserset: { relation: 'grant.users.update' },
                  tupleset: { relation: 'writable' },
                },
              },
              { tupleToUserset: { computedUserset: { relation: 'operator' }, tupleset: { relation: 'writable' } } },
            ],
          },
        },
        'grant.users.admin': { this: {} },
        'users.admin': {
          union: {
            child: [
              {
                tupleToUserset: {
                  computedUserset: { relation: 'grant.users.admin' },
                  tupleset: { relation: 'writable' },
                },
              },
              { tupleToUserset: { computedUserset: { relation: 'operator' }, tupleset: { relation: 'writable' } } },
            ],
          },
        },
        'grant.config.read': { this: {} },
        'config.read': {
          union: {
            child: [
              {
                tupleToUserset: {
                  computedUserset: { relation: 'grant.config.read' },
                  tupleset: { relation: 'readable' },
                },
              },
              { computedUserset: { relation: 'operator' } },
            ],
          },
        },
        'grant.config.update': { this: {} },
        'config.update': {
          union: {
            child: [
              {
                tupleToUserset: {
                  computedUserset: { relation: 'grant.config.update' },
                  tupleset: { relation: 'writable' },
                },
              },
              { tupleToUserset: { computedUserset: { relation: 'operator' }, tupleset: { relation: 'writable' } } },
            ],
          },
        },
        'grant.team.read': { this: {} },
        'team.read': {
          union: {
            child: [
              {
                tupleToUserset: {
                  computedUserset: { relation: 'grant.team.read' },
                  tupleset: { relation: 'readable' },
                },
              },
              { computedUserset: { relation: 'operator' } },
            ],
          },
        },
        'grant.team.update': { this: {} },
        'team.update': {
          union: {
            child: [
              {
                tupleToUserset: {
                  computedUserset: { relation: 'grant.team.update' },
                  tupleset: { relation: 'writable' },
                },
              },
              { tupleToUserset: { computedUserset: { relation: 'operator' }, tupleset: { relation: 'writable' } } },
            ],
          },
        },
        'grant.team.admin': { this: {} },
        'team.admin': {
          union: {
            child: [
              {
                tupleToUserset: {
                  computedUserset: { relation: 'grant.team.admin' },
                  tupleset: { relation: 'writable' },
                },
              },
              { tupleToUserset: { computedUserset: { relation: 'operator' }, tupleset: { relation: 'writable' } } },
            ],
          },
        },
        'grant.team_metrics.read': { this: {} },
        'team_metrics.read': {
          union: {
            child: [
              {
                tupleToUserset: {
                  computedUserset: { relation: 'grant.team_metrics.read' },
                  tupleset: { relation: 'readable' },
                },
              },
              { computedUserset: { relation: 'operator' } },
            ],
          },
        },
        'grant.team_dashboards.read': { this: {} },
        'team_dashboards.read': {
          union: {
            child: [
              {
                tupleToUserset: {
                  computedUserset: { relation: 'grant.team_dashboards.read' },
                  tupleset: { relation: 'readable' },
                },
              },
              { computedUserset: { relation: 'operator' } },
            ],
          },
        },
        'grant.claims.read': { this: {} },
        'claims.read': {
          union: {
            child: [
              {
                tupleToUserset: {
                  computedUserset: { relation: 'grant.claims.read' },
                  tupleset: { relation: 'readable' },
                },
              },
              { computedUserset: { relation: 'operator' } },
            ],
          },
        },
        'grant.claims.update': { this: {} },
        'claims.update': {
          union: {
            child: [
              {
                tupleToUserset: {
                  computedUserset: { relation: 'grant.claims.update' },
                  tupleset: { relation: 'writable' },
                },
              },
              { tupleToUserset: { computedUserset: { relation: 'operator' }, tupleset: { relation: 'writable' } } },
            ],
          },
        },
        'grant.denials.read': { this: {} },
        'denials.read': {
          union: {
            child: [
              {
                tupleToUserset: {
                  computedUserset: { relation: 'grant.denials.read' },
                  tupleset: { relation: 'readable' },
                },
              },
              { computedUserset: { relation: 'operator' } },
            ],
          },
        },
        'grant.denials.update': { this: {} },
        'denials.update': {
          union: {
            child: [
              {
                tupleToUserset: {
                  computedUserset: { relation: 'grant.denials.update' },
                  tupleset: { relation: 'writable' },
                },
              },
              { tupleToUserset: { computedUserset: { relation: 'operator' }, tupleset: { relation: 'writable' } } },
            ],
          },
        },
        'grant.payers.read': { this: {} },
        'payers.read': {
          union: {
            child: [
              {
                tupleToUserset: {
                  computedUserset: { relation: 'grant.payers.read' },
                  tupleset: { relation: 'readable' },
                },
              },
              { computedUserset: { relation: 'operator' } },
            ],
          },
        },
        'grant.payers.update': { this: {} },
        'payers.update': {
          union: {
            child: [
              {
                tupleToUserset: {
                  computedUserset: { relation: 'grant.payers.update' },
                  tupleset: { relation: 'writable' },
                },
              },
              { tupleToUserset: { computedUserset: { relation: 'operator' }, tupleset: { relation: 'writable' } } },
            ],
          },
        },
        'grant.fee_schedules.read': { this: {} },
        'fee_schedules.read': {
          union: {
            child: [
              {
                tupleToUserset: {
                  computedUserset: { relation: 'grant.fee_schedules.read' },
                  tupleset: { relation: 'readable' },
                },
              },
              { computedUserset: { relation: 'operator' } },
            ],
          },
        },
        'grant.fee_schedules.update': { this: {} },
        'fee_schedules.update': {
          union: {
            child: [
              {
                tupleToUserset: {
                  computedUserset: { relation: 'grant.fee_schedules.update' },
                  tupleset: { relation: 'writable' },
                },
              },
              { tupleToUserset: { computedUserset: { relation: 'operator' }, tupleset: { relation: 'writable' } } },
            ],
          },
        },
        'grant.members.read': { this: {} },
        'members.read': {
          union: {
            child: [
              {
                tupleToUserset: {
                  computedUserset: { relation: 'grant.members.read' },
                  tupleset: { relation: 'readable' },
                },
              },
              { computedUserset: { relation: 'operator' } },
            ],
          },
        },
        'grant.members.update': { this: {} },
        'members.update': {
          union: {
            child: [
              {
                tupleToUserset: {
                  computedUserset: { relation: 'grant.members.update' },
                  tupleset: { relation: 'writable' },
                },
              },
              { tupleToUserset: { computedUserset: { relation: 'operator' }, tupleset: { relation: 'writable' } } },
            ],
          },
        },
        'grant.eligibility.read': { this: {} },
        'eligibility.read': {
          union: {
            child: [
              {
                tupleToUserset: {
                  computedUserset: { relation: 'grant.eligibility.read' },
                  tupleset: { relation: 'readable' },
                },
              },
              { computedUserset: { relation: 'operator' } },
            ],
          },
        },
        'grant.eligibility.update': { this: {} },
        'eligibility.update': {
          union: {
            child: [
              {
                tupleToUserset: {
                  computedUserset: { relation: 'grant.eligibility.update' },
                  tupleset: { relation: 'writable' },
                },
              },
              { tupleToUserset: { computedUserset: { relation: 'operator' }, tupleset: { relation: 'writable' } } },
            ],
          },
        },
        'grant.dashboards.read': { this: {} },
        'dashboards.read': {
          union: {
            child: [
              {
                tupleToUserset: {
                  computedUserset: { relation: 'grant.dashboards.read' },
                  tupleset: { relation: 'readable' },
                },
              },
              { computedUserset: { relation: 'operator' } },
            ],
          },
        },
        'grant.personal_dashboard.read': { this: {} },
        'personal_dashboard.read': {
          union: {
            child: [
              {
                tupleToUserset: {
                  computedUserset: { relation: 'grant.personal_dashboard.read' },
                  tupleset: { relation: 'readable' },
                },
              },
              { computedUserset: { relation: 'operator' } },
            ],
          },
        },
        'grant.reports.read': { this: {} },
        'reports.read': {
          union: {
            child: [
              {
                tupleToUserset: {
                  computedUserset: { relation: 'grant.reports.read' },
                  tupleset: { relation: 'readable' },
                },
              },
              { computedUserset: { relation: 'operator' } },
            ],
          },
        },
        'grant.reports.run': { this: {} },
        'reports.run': {
          union: {
            child: [
              {
                tupleToUserset: {
                  computedUserset: { relation: 'grant.reports.run' },
                  tupleset: { relation: 'readable' },
                },
              },
              { computedUserset: { relation: 'operator' } },
            ],
          },
        },
        'grant.records.read': { this: {} },
        'records.read': {
          union: {
            child: [
              {
                tupleToUserset: {
                  computedUserset: { relation: 'grant.records.read' },
                  tupleset: { relation: 'readable' },
                },
              },
              { computedUserset: { relation: 'operator' } },
            ],
          },
        },
        'grant.records.create': { this: {} },
        'records.create': {
          union: {
            child: [
              {
                tupleToUserset: {
                  computedUserset: { relation: 'grant.records.create' },
                  tupleset: { relation: 'writable' },
                },
              },
              { tupleToUserset: { computedUserset: { relation: 'operator' }, tupleset: { relation: 'writable' } } },
            ],
          },
        },
        'grant.records.admin': { this: {} },
        'records.admin': {
          union: {
            child: [
              {
                tupleToUserset: {
                  computedUserset: { relation: 'grant.records.admin' },
                  tupleset: { relation: 'writable' },
                },
              },
              { tupleToUserset: { computedUserset: { relation: 'operator' }, tupleset: { relation: 'writable' } } },
            ],
          },
        },
      },
      metadata: {
        relations: {
          platform: { directly_related_user_types: [{ type: 'platform' }] },
          readable: { directly_related_user_types: [{ type: 'tenant' }] },
          writable: { directly_related_user_types: [{ type: 'tenant' }] },
          member: { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          operator: { directly_related_user_types: [] },
          live_member: { directly_related_user_types: [] },
          active_member: { directly_related_user_types: [] },
          'grant.users.read': { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          'users.read': { directly_related_user_types: [] },
          'grant.users.update': { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          'users.update': { directly_related_user_types: [] },
          'grant.users.admin': { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          'users.admin': { directly_related_user_types: [] },
          'grant.config.read': { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          'config.read': { directly_related_user_types: [] },
          'grant.config.update': { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          'config.update': { directly_related_user_types: [] },
          'grant.team.read': { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          'team.read': { directly_related_user_types: [] },
          'grant.team.update': { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          'team.update': { directly_related_user_types: [] },
          'grant.team.admin': { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          'team.admin': { directly_related_user_types: [] },
          'grant.team_metrics.read': { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          'team_metrics.read': { directly_related_user_types: [] },
          'grant.team_dashboards.read': { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          'team_dashboards.read': { directly_related_user_types: [] },
          'grant.claims.read': { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          'claims.read': { directly_related_user_types: [] },
          'grant.claims.update': { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          'claims.update': { directly_related_user_types: [] },
          'grant.denials.read': { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          'denials.read': { directly_related_user_types: [] },
          'grant.denials.update': { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          'denials.update': { directly_related_user_types: [] },
          'grant.payers.read': { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          'payers.read': { directly_related_user_types: [] },
          'grant.payers.update': { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          'payers.update': { directly_related_user_types: [] },
          'grant.fee_schedules.read': { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          'fee_schedules.read': { directly_related_user_types: [] },
          'grant.fee_schedules.update': { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          'fee_schedules.update': { directly_related_user_types: [] },
          'grant.members.read': { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          'members.read': { directly_related_user_types: [] },
          'grant.members.update': { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          'members.update': { directly_related_user_types: [] },
          'grant.eligibility.read': { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          'eligibility.read': { directly_related_user_types: [] },
          'grant.eligibility.update': { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          'eligibility.update': { directly_related_user_types: [] },
          'grant.dashboards.read': { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          'dashboards.read': { directly_related_user_types: [] },
          'grant.personal_dashboard.read': { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          'personal_dashboard.read': { directly_related_user_types: [] },
          'grant.reports.read': { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          'reports.read': { directly_related_user_types: [] },
          'grant.reports.run': { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          'reports.run': { directly_related_user_types: [] },
          'grant.records.read': { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          'records.read': { directly_related_user_types: [] },
          'grant.records.create': { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          'records.create': { directly_related_user_types: [] },
          'grant.records.admin': { directly_related_user_types: [{ type: 'role', relation: 'assignee' }] },
          'records.admin': { directly_related_user_types: [] },
        },
      },
    },
    {
      type: 'profile',
      relations: {
        tenant: { this: {} },
        subject: { this: {} },
        manager: { this: {} },
        chain: {
          union: {
            child: [
              { computedUserset: { relation: 'subject' } },
              { tupleToUserset: { computedUserset: { relation: 'chain' }, tupleset: { relation: 'manager' } } },
            ],
          },
        },
        managed_by: { tupleToUserset: { computedUserset: { relation: 'chain' }, tupleset: { relation: 'manager' } } },
        live_subject: {
          intersection: {
            child: [
              { computedUserset: { relation: 'subject' } },
              { tupleToUserset: { computedUserset: { relation: 'live_member' }, tupleset: { relation: 'tenant' } } },
            ],
          },
        },
        lead: {
          intersection: {
            child: [
              { computedUserset: { relation: 'managed_by' } },
              { tupleToUserset: { computedUserset: { relation: 'team.read' }, tupleset: { relation: 'tenant' } } },
            ],
          },
        },
        'profile.read': {
          union: {
            child: [
              { computedUserset: { relation: 'live_subject' } },
              { computedUserset: { relation: 'lead' } },
              { tupleToUserset: { computedUserset: { relation: 'users.read' }, tupleset: { relation: 'tenant' } } },
            ],
          },
        },
        'profile.update': {
          intersection: {
            child: [
              { computedUserset: { relation: 'subject' } },
              { tupleToUserset: { computedUserset: { relation: 'active_member' }, tupleset: { relation: 'tenant' } } },
            ],
          },
        },
      },
      metadata: {
        relations: {
          tenant: { directly_related_user_types: [{ type: 'tenant' }] },
          subject: { directly_related_user_types: [{ type: 'user' }] },
          manager: { directly_related_user_types: [{ type: 'profile' }, { type: 'profile', condition: 'in_force' }] },
          chain: { directly_related_user_types: [] },
          managed_by: { directly_related_user_types: [] },
          live_subject: { directly_related_user_types: [] },
          lead: { directly_related_user_types: [] },
          'profile.read': { directly_related_user_types: [] },
          'profile.update': { directly_related_user_types: [] },
        },
      },
    },
    {
      type: 'record',
      relations: {
        tenant: { this: {} },
        owner: { this: {} },
        'record.read': {
          union: {
            child: [
              { tupleToUserset: { computedUserset: { relation: 'profile.read' }, tupleset: { relation: 'owner' } } },
              { tupleToUserset: { computedUserset: { relation: 'records.read' }, tupleset: { relation: 'tenant' } } },
            ],
          },
        },
        'record.update': {
          tupleToUserset: { computedUserset: { relation: 'profile.update' }, tupleset: { relation: 'owner' } },
        },
      },
      metadata: {
        relations: {
          tenant: { directly_related_user_types: [{ type: 'tenant' }] },
          owner: { directly_related_user_types: [{ type: 'profile' }] },
          'record.read': { directly_related_user_types: [] },
          'record.update': { directly_related_user_types: [] },
        },
      },
    },
  ],
  conditions: {
    in_force: {
      name: 'in_force',
      expression: 'current_time >= valid_from && current_time < expires_at',
      parameters: {
        current_time: { type_name: 'TYPE_NAME_TIMESTAMP' },
        valid_from: { type_name: 'TYPE_NAME_TIMESTAMP' },
        expires_at: { type_name: 'TYPE_NAME_TIMESTAMP' },
      },
    },
  },
};

/**
 * Changes of every kind, and the entries that each writes. The rows that they start from are those of
 * tests/integration/change-entries.test.ts; an entry is `tenant type entity action purpose` and its details.
 */
import { roleId } from './world.js';

export const VIEWER = roleId('t1', 'EMR_CLIENT_VIEWER');

const anne = { roleId: VIEWER, roleName: 'EMR_CLIENT_VIEWER', assignmentId: 'a1' };
const ben = { roleId: 'c2', roleName: 'CUSTOM_TOO', assignmentId: 'a2' };
/** As Postgres prints a timestamp inside jsonb. */
const at = (day: string): string => `${day}T00:00:00+00:00`;

export interface ChangeCase {
  readonly says: string;
  readonly does: string[];
  /** Each up to its details, and these. */
  readonly writes: [line: string, details: object][];
  readonly tells?: [line: string, details: object][];
}
const KEY_FACTS = { name: 'key', scope: 'decide', expires_at: null, revoked_at: null };
const customWas = { roleName: 'CUSTOM', description: 'one', isSystem: false };

export const CASES: ChangeCase[] = [
  // role
  {
    says: 'a role made',
    does: [`insert into security.role (id, tenant_id, name, description) values ('n', 't1', 'NEW', 'new')`],
    writes: [['t1 role n WRITE role.create', { roleName: 'NEW', description: 'new', isSystem: false }]],
  },
  {
    says: 'two roles made in two tenants',
    does: [`insert into security.role (id, tenant_id, name) values ('n', 't1', 'NEW'), ('o', 't2', 'NEW')`],
    writes: [
      ['t1 role n WRITE role.create', { roleName: 'NEW', description: '', isSystem: false }],
      ['t2 role o WRITE role.create', { roleName: 'NEW', description: '', isSystem: false }],
    ],
  },
  {
    says: 'a role described anew',
    does: [`update security.role set description = 'more' where id = 'c1'`],
    writes: [['t1 role c1 WRITE role.update', { before: customWas, after: { ...customWas, description: 'more' } }]],
  },
  {
    says: 'a role named anew',
    does: [`update security.role set name = 'OTHER' where id = 'c1'`],
    writes: [['t1 role c1 WRITE role.update', { before: customWas, after: { ...customWas, roleName: 'OTHER' } }]],
  },
  {
    says: 'a role as it was',
    does: [`update security.role set description = description, updated_at = now() where id = 'c1'`],
    writes: [],
  },
  {
    says: 'a role that goes, its grants and tombstones first',
    does: [
      `delete from security.user_role where role_id = 'c1'`,
      `delete from security.role_permission where role_id = 'c1'`,
      `delete from security.role where id = 'c1'`,
    ],
    writes: [
      [
        't1 role c1 DELETE role.delete',
        { ...customWas, permissionIds: ['claims.read', 'claims.update', 'users.read'] },
      ],
    ],
  },
  {
    says: 'a role that goes in one statement',
    does: [
      `with a as (delete from security.user_role where role_id = 'c1'), b as (delete from security.role_permission where role_id = 'c1') delete from security.role where id = 'c1'`,
    ],
    // the role goes first, so its set is told apart
    writes: [
      ['t1 role c1 DELETE role.delete', { ...customWas, permissionIds: [] }],
      [
        't1 role_permission c1 WRITE role.set_permissions',
        { added: [], removed: ['claims.read', 'claims.update', 'users.read'] },
      ],
    ],
  },
  {
    says: 'a role that goes after its set was changed and changed back',
    does: [
      `insert into security.role_permission (role_id, permission_id) values ('c1', 'config.read')`,
      `delete from security.role_permission where role_id = 'c1'`,
      `insert into security.role_permission (role_id, permission_id) values ('c1', 'claims.read')`,
      `delete from security.role_permission where role_id = 'c1'`,
      `delete from security.user_role where role_id = 'c1'`,
      `delete from security.role where id = 'c1'`,
    ],
    writes: [
      [
        't1 role c1 DELETE role.delete',
        { ...customWas, permissionIds: ['claims.read', 'claims.update', 'users.read'] },
      ],
    ],
  },
  {
    says: 'an empty role that moves to another tenant',
    does: [
      `delete from security.user_role where role_id = 'c2'`,
      `update security.role set tenant_id = 't2' where id = 'c2'`,
    ],
    writes: [
      ['t1 user_role ben DELETE role.revoke:c2', { ...ben, validFrom: at('2001-01-01'), expiresAt: at('2099-01-01') }],
      [
        't1 role c2 DELETE role.delete',
        { roleName: 'CUSTOM_TOO', description: 'two', isSystem: false, permissionIds: [] },
      ],
      ['t2 role c2 WRITE role.create', { roleName: 'CUSTOM_TOO', description: 'two', isSystem: false }],
    ],
  },
  {
    says: 'a role made and gone again',
    does: [
      `insert into security.role (id, tenant_id, name) values ('n', 't1', 'NEW')`,
      `insert into security.role_permission (role_id, permission_id) values ('n', 'claims.read')`,
      `delete from security.role_permission where role_id = 'n'`,
      `delete from security.role where id = 'n'`,
    ],
    writes: [
      ['t1 role n WRITE role.create', { roleName: 'NEW', description: '', isSystem: false }],
      ['t1 role n DELETE role.delete', { roleName: 'NEW', description: '', isSystem: false, permissionIds: [] }],
    ],
  },

  // role_permission
  {
    says: 'a set replaced by delete and insert',
    does: [
      `delete from security.role_permission where role_id = 'c1'`,
      `insert into security.role_permission (role_id, permission_id) values ('c1', 'claims.read'), ('c1', 'config.read')`,
    ],
    writes: [
      [
        't1 role_permission c1 WRITE role.set_permissions',
        { roleName: 'CUSTOM', added: ['config.read'], removed: ['claims.update', 'users.read'] },
      ],
    ],
  },
  {
    says: 'the same one row at a time',
    does: [
      ...['claims.update', 'users.read', 'claims.read'].map(
        (p) => `delete from security.role_permission where role_id = 'c1' and permission_id = '${p}'`,
      ),
      ...['claims.read', 'config.read'].map(
        (p) => `insert into security.role_permission (role_id, permission_id) values ('c1', '${p}')`,
      ),
    ],
    writes: [
      [
        't1 role_permission c1 WRITE role.set_permissions',
        { roleName: 'CUSTOM', added: ['config.read'], removed: ['claims.update', 'users.read'] },
      ],
    ],
  },
  {
    says: 'the same in one statement',
    does: [
      `with d as (delete from security.role_permission where role_id = 'c1' and permission_id <> 'claims.read') insert into security.role_permission (role_id, permission_id) values ('c1', 'config.read')`,
    ],
    writes: [
      [
        't1 role_permission c1 WRITE role.set_permissions',
        { roleName: 'CUSTOM', added: ['config.read'], removed: ['claims.update', 'users.read'] },
      ],
    ],
  },
  {
    says: 'a merge',
    does: [
      `merge into security.role_permission g
       using (values ('claims.read', false), ('config.read', false), ('claims.update', true), ('users.read', true)) v (p, goes)
         on g.role_id = 'c1' and g.permission_id = v.p
      when matched and v.goes then delete
      when not matched and not v.goes then insert (role_id, permission_id, tenant_id) values ('c1', v.p, 't1')`,
    ],
    writes: [
      [
        't1 role_permission c1 WRITE role.set_permissions',
        { roleName: 'CUSTOM', added: ['config.read'], removed: ['claims.update', 'users.read'] },
      ],
    ],
  },
  {
    says: 'a permission exchanged',
    does: [
      `update security.role_permission set permission_id = 'config.read' where role_id = 'c1' and permission_id = 'users.read'`,
    ],
    writes: [
      [
        't1 role_permission c1 WRITE role.set_permissions',
        { roleName: 'CUSTOM', added: ['config.read'], removed: ['users.read'] },
      ],
    ],
  },
  {
    says: 'a grant moved to another role',
    does: [`update security.role_permission set role_id = 'c2' where role_id = 'c1' and permission_id = 'users.read'`],
    writes: [
      ['t1 role_permission c1 WRITE role.set_permissions', { roleName: 'CUSTOM', added: [], removed: ['users.read'] }],
      [
        't1 role_permission c2 WRITE role.set_permissions',
        { roleName: 'CUSTOM_TOO', added: ['users.read'], removed: [] },
      ],
    ],
  },
  {
    says: 'a set replaced by itself',
    does: [
      `delete from security.role_permission where role_id = 'c1'`,
      `insert into security.role_permission (role_id, permission_id) select 'c1', unnest(array['claims.read', 'claims.update', 'users.read'])`,
    ],
    writes: [],
  },
  {
    says: 'a grant on conflict',
    does: [
      `insert into security.role_permission (role_id, permission_id) values ('c1', 'claims.read') on conflict (role_id, permission_id) do update set granted_at = now()`,
    ],
    writes: [],
  },
  {
    says: 'grants of which a savepoint takes half back',
    does: [
      `insert into security.role_permission (role_id, permission_id) values ('c2', 'users.read')`,
      'savepoint a',
      `insert into security.role_permission (role_id, permission_id) values ('c2', 'config.read')`,
      'rollback to savepoint a',
      'savepoint b',
      `insert into security.role_permission (role_id, permission_id) values ('c2', 'reports.run')`,
      'release savepoint b',
    ],
    writes: [
      [
        't1 role_permission c2 WRITE role.set_permissions',
        { roleName: 'CUSTOM_TOO', added: ['reports.run', 'users.read'], removed: [] },
      ],
    ],
  },
  {
    says: 'a role renamed and widened',
    does: [
      `insert into security.role_permission (role_id, permission_id) values ('c2', 'users.read')`,
      `update security.role set name = 'LATER' where id = 'c2'`,
    ],
    writes: [
      [
        't1 role c2 WRITE role.update',
        {
          before: { roleName: 'CUSTOM_TOO', description: 'two', isSystem: false },
          after: { roleName: 'LATER', description: 'two', isSystem: false },
        },
      ],
      ['t1 role_permission c2 WRITE role.set_permissions', { roleName: 'LATER', added: ['users.read'], removed: [] }],
    ],
  },

  // user_role
  {
    says: 'an assignment',
    does: [
      `insert into security.user_role (id, user_id, role_id, expires_at) values ('n', 'ben', '${VIEWER}', '2099-01-01')`,
    ],
    writes: [
      [`t1 user_role ben WRITE role.assign:${VIEWER}`, { ...anne, assignmentId: 'n', expiresAt: at('2099-01-01') }],
    ],
  },
  {
    says: 'a revocation',
    does: [`update security.user_role set revoked_at = now() where id = 'a1'`],
    writes: [[`t1 user_role anne DELETE role.revoke:${VIEWER}`, anne]],
  },
  {
    says: 'a revocation of what was revoked',
    does: [
      `update security.user_role set revoked_at = now() where id = 'x1'`,
      `delete from security.user_role where id = 'x1'`,
      `insert into security.user_role (user_id, role_id, revoked_at) values ('ben', 'c1', now())`,
    ],
    writes: [],
  },
  {
    says: 'a deleted assignment',
    does: [`delete from security.user_role where id = 'a1'`],
    writes: [[`t1 user_role anne DELETE role.revoke:${VIEWER}`, anne]],
  },
  {
    says: 'a revocation undone',
    does: [`update security.user_role set revoked_at = null where id = 'x1'`],
    writes: [['t1 user_role anne WRITE role.assign:c1', { roleId: 'c1', roleName: 'CUSTOM', assignmentId: 'x1' }]],
  },
  {
    says: 'a changed window',
    does: [`update security.user_role set expires_at = '2098-01-01', valid_from = null where id = 'a2'`],
    writes: [
      [
        't1 user_role ben WRITE role.assign:c2',
        { ...ben, expiresAt: at('2098-01-01'), before: { validFrom: at('2001-01-01'), expiresAt: at('2099-01-01') } },
      ],
    ],
  },
  {
    says: 'a window that was unending',
    does: [`update security.user_role set expires_at = '2098-01-01' where id = 'a1'`],
    writes: [[`t1 user_role anne WRITE role.assign:${VIEWER}`, { ...anne, expiresAt: at('2098-01-01'), before: {} }]],
  },
  {
    says: 'a slot',
    does: [`update security.user_role set slot = 'b', assigned_at = now() where id = 'a1'`],
    writes: [],
  },
  {
    says: 'an assignment moved to another user',
    does: [`update security.user_role set user_id = 'ben' where id = 'a1'`],
    writes: [
      [`t1 user_role anne DELETE role.revoke:${VIEWER}`, anne],
      [`t1 user_role ben WRITE role.assign:${VIEWER}`, anne],
    ],
  },
  {
    says: 'an assignment of another role',
    does: [`update security.user_role set role_id = 'c1' where id = 'a2'`],
    writes: [
      ['t1 user_role ben DELETE role.revoke:c2', { ...ben, validFrom: at('2001-01-01'), expiresAt: at('2099-01-01') }],
      [
        't1 user_role ben WRITE role.assign:c1',
        {
          roleId: 'c1',
          roleName: 'CUSTOM',
          assignmentId: 'a2',
          validFrom: at('2001-01-01'),
          expiresAt: at('2099-01-01'),
        },
      ],
    ],
  },
  {
    says: 'a global assignment',
    does: [`insert into security.user_role (id, user_id, role_name) values ('n', 'cal', 'CONFIG_MANAGER')`],
    writes: [
      ['platform user_role cal WRITE role.assign:CONFIG_MANAGER', { assignmentId: 'n', roleName: 'CONFIG_MANAGER' }],
    ],
  },
  {
    says: 'a global assignment revoked',
    does: [`update security.user_role set revoked_at = now() where id = 'g1'`],
    writes: [
      [
        'platform user_role root DELETE role.revoke:EMR_CLIENT_ADMIN',
        { assignmentId: 'g1', roleName: 'EMR_CLIENT_ADMIN' },
      ],
    ],
  },
  {
    says: 'a swap',
    does: [
      `update security.user_role set revoked_at = now() where id = 'a1'`,
      `insert into security.user_role (id, user_id, role_id) values ('n', 'anne', 'c2')`,
    ],
    writes: [
      [`t1 user_role anne DELETE role.revoke:${VIEWER}`, anne],
      ['t1 user_role anne WRITE role.assign:c2', { ...ben, assignmentId: 'n' }],
    ],
  },
  {
    says: 'an assignment on conflict',
    does: [
      `insert into security.user_role (id, user_id, role_id) values ('a1', 'anne', '${VIEWER}'), ('n', 'anne', 'c2') on conflict (id) do update set revoked_at = now()`,
    ],
    writes: [
      ['t1 user_role anne WRITE role.assign:c2', { ...ben, assignmentId: 'n' }],
      [`t1 user_role anne DELETE role.revoke:${VIEWER}`, anne],
    ],
  },
  {
    says: 'ids that two assignments exchange',
    does: [`update security.user_role set id = 'z' where id = 'a1'`],
    writes: [
      [`t1 user_role anne DELETE role.revoke:${VIEWER}`, anne],
      [`t1 user_role anne WRITE role.assign:${VIEWER}`, { ...anne, assignmentId: 'z' }],
    ],
  },

  // app_user
  {
    says: 'a user',
    does: [
      `insert into security.app_user (id, tenant_id, email, display_name) values ('dan', 't1', 'dan@secret.example', 'Dan Secret')`,
    ],
    writes: [['t1 app_user dan WRITE user.create', {}]],
    tells: [['t1 USER_CREATED', { userId: 'dan' }]],
  },
  {
    says: 'a platform user',
    does: [`insert into security.app_user (id, email) values ('pat', 'pat@secret.example')`],
    writes: [['platform app_user pat WRITE user.create', {}]],
    tells: [['platform USER_CREATED', { userId: 'pat' }]],
  },
  {
    says: 'a user’s names',
    does: [`update security.app_user set email = 'new@secret.example', display_name = 'New Secret' where id = 'anne'`],
    writes: [['t1 app_user anne WRITE user.update', { changed: ['email', 'display_name'] }]],
    tells: [['t1 USER_UPDATED', { userId: 'anne' }]],
  },
  {
    says: 'a password to change',
    does: [`update security.app_user set must_change_password = true where id = 'anne'`],
    writes: [],
  },
  {
    says: 'a user disabled, and named',
    does: [`update security.app_user set status = 'disabled', display_name = 'x' where id = 'anne'`],
    writes: [['t1 app_user anne WRITE user.disable', { changed: ['display_name', 'status'] }]],
    tells: [['t1 USER_DISABLED', { userId: 'anne' }]],
  },
  {
    says: 'a user enabled',
    does: [
      `update security.app_user set status = 'disabled' where id = 'anne'`,
      `update security.app_user set status = 'active' where id = 'anne'`,
    ],
    writes: [
      ['t1 app_user anne WRITE user.disable', { changed: ['status'] }],
      ['t1 app_user anne WRITE user.enable', { changed: ['status'] }],
    ],
    tells: [
      ['t1 USER_DISABLED', { userId: 'anne' }],
      ['t1 USER_ENABLED', { userId: 'anne' }],
    ],
  },
  {
    says: 'a user who moves is seen in both tenants',
    does: [`update security.app_user set tenant_id = 't1' where id = 'cal'`],
    writes: [
      ['t1 app_user cal WRITE user.update', { changed: ['tenant_id'] }],
      ['t2 app_user cal WRITE user.update', { changed: ['tenant_id'] }],
    ],
    tells: [
      ['t1 USER_UPDATED', { userId: 'cal' }],
      ['t2 USER_UPDATED', { userId: 'cal' }],
    ],
  },
  {
    says: 'a user who is placed',
    does: [`update security.app_user set tenant_id = 't1' where id = 'root'`],
    writes: [['t1 app_user root WRITE user.update', { changed: ['tenant_id'] }]],
    tells: [['t1 USER_UPDATED', { userId: 'root' }]],
  },
  {
    says: 'a user removed',
    does: [`delete from security.app_user where id = 'cal'`],
    writes: [['t2 app_user cal DELETE user.delete', {}]],
    tells: [['t2 USER_REMOVED', { userId: 'cal' }]],
  },

  // user_assignment, record
  {
    says: 'a manager',
    does: [
      `insert into security.user_assignment (tenant_id, user_id, assigned_user_id, expires_at) values ('t1', 'ben', 'eve', '2099-01-01')`,
    ],
    writes: [
      ['t1 user_assignment ben WRITE assignment.create:eve', { assignedUserId: 'eve', expiresAt: at('2099-01-01') }],
    ],
  },
  {
    says: 'a manager’s window',
    does: [`update security.user_assignment set expires_at = '2099-01-01'`],
    writes: [
      ['t1 user_assignment anne WRITE assignment.update:ben', { assignedUserId: 'ben', expiresAt: at('2099-01-01') }],
    ],
  },
  { says: 'a manager as before', does: [`update security.user_assignment set assigned_at = now()`], writes: [] },
  {
    says: 'two who change places',
    does: [`update security.user_assignment set user_id = 'ben', assigned_user_id = 'anne'`],
    writes: [
      ['t1 user_assignment anne DELETE assignment.delete:ben', { assignedUserId: 'ben' }],
      ['t1 user_assignment ben WRITE assignment.create:anne', { assignedUserId: 'anne' }],
    ],
  },
  {
    says: 'a manager no more',
    does: [`delete from security.user_assignment`],
    writes: [['t1 user_assignment anne DELETE assignment.delete:ben', { assignedUserId: 'ben' }]],
  },
  {
    says: 'a record',
    does: [`insert into security.record (tenant_id, id, owner_user_id) values ('t1', 'n', 'ben')`],
    writes: [['t1 record n WRITE record.create', { ownerUserId: 'ben' }]],
  },
  {
    says: 'a record of another owner',
    does: [`update security.record set owner_user_id = 'ben'`],
    writes: [['t1 record r1 WRITE record.transfer', { ownerUserId: 'ben', before: { ownerUserId: 'anne' } }]],
  },
  {
    says: 'a record of the same owner',
    does: [`update security.record set owner_user_id = owner_user_id`],
    writes: [],
  },
  {
    says: 'a record of another id',
    does: [`update security.record set id = 'r2'`],
    writes: [
      ['t1 record r1 DELETE record.delete', { ownerUserId: 'anne' }],
      ['t1 record r2 WRITE record.create', { ownerUserId: 'anne' }],
    ],
  },
  {
    says: 'a record no more',
    does: [`delete from security.record`],
    writes: [['t1 record r1 DELETE record.delete', { ownerUserId: 'anne' }]],
  },

  // keys, seats, impersonations
  {
    says: 'a key',
    does: [`insert into security.service_key (id, name, key_hash) values (md5('n'), 'key', sha256('n'))`],
    writes: [['platform service_key 7b8b965ad4bca0e41ab51de7b31363a1 WRITE service_key.create', KEY_FACTS]],
  },
  {
    says: 'a key no more',
    does: [`delete from security.service_key`],
    writes: [['t1 service_key 8ce4b16b22b58894aa86c421e8759df3 DELETE service_key.delete', KEY_FACTS]],
  },
  { says: 'a key as before', does: [`update security.service_key set name = name`], writes: [] },
  {
    says: 'a seat',
    does: [`insert into identity.platform_admin (user_id) values ('cal')`],
    writes: [['platform platform_admin cal WRITE platform_admin.grant', {}]],
    tells: [['platform PLATFORM_ADMIN_ADDED', { userId: 'cal' }]],
  },
  {
    says: 'a seat that goes to another',
    does: [`update identity.platform_admin set user_id = 'cal'`],
    writes: [
      ['platform platform_admin cal WRITE platform_admin.grant', {}],
      ['platform platform_admin root DELETE platform_admin.revoke', {}],
      ['t1 impersonation i1 DELETE impersonation.end', { actorUserId: 'root' }],
    ],
    tells: [['t1 IMPERSONATION_ENDED', { impersonationId: 'i1', reason: 'ticket 7', actorUserId: 'root' }]],
  },
  {
    says: 'a seat no more',
    does: [`delete from identity.platform_admin`],
    writes: [
      ['platform platform_admin root DELETE platform_admin.revoke', {}],
      ['t1 impersonation i1 DELETE impersonation.end', { actorUserId: 'root' }],
    ],
    tells: [
      ['platform PLATFORM_ADMIN_REMOVED', { userId: 'root' }],
      ['t1 IMPERSONATION_ENDED', { impersonationId: 'i1', reason: 'ticket 7', actorUserId: 'root' }],
    ],
  },
  {
    says: 'an impersonation',
    does: [
      `insert into identity.impersonation (id, actor_user_id, tenant_id, reason) values ('i2', 'cal', 't2', 'ticket 8')`,
    ],
    writes: [['t2 impersonation i2 WRITE impersonation.start', { actorUserId: 'cal' }]],
    tells: [['t2 IMPERSONATION_STARTED', { impersonationId: 'i2', reason: 'ticket 8', actorUserId: 'cal' }]],
  },
  {
    says: 'an impersonation ended',
    does: [`update identity.impersonation set ended_at = now()`],
    writes: [['t1 impersonation i1 DELETE impersonation.end', { actorUserId: 'root' }]],
    tells: [['t1 IMPERSONATION_ENDED', { impersonationId: 'i1', reason: 'ticket 7', actorUserId: 'root' }]],
  },
  {
    says: 'an impersonation made shorter',
    does: [`update identity.impersonation set expires_at = expires_at - interval '1 minute'`],
    writes: [['t1 impersonation i1 WRITE impersonation.update', { actorUserId: 'root' }]],
  },
  {
    says: 'an emergency',
    does: [
      `insert into identity.impersonation (id, actor_user_id, tenant_id, reason, ticket, is_emergency)
       values ('i2', 'cal', 't2', 'locked out', 'INC-1', true)`,
    ],
    writes: [['t2 impersonation i2 WRITE impersonation.start', { actorUserId: 'cal' }]],
    tells: ['IMPERSONATION_STARTED', 'IMPERSONATION_EMERGENCY'].map((event) => [
      `t2 ${event}`,
      { impersonationId: 'i2', reason: 'locked out', ticket: 'INC-1', actorUserId: 'cal' },
    ]),
  },
  { says: 'an impersonation as before', does: [`update identity.impersonation set reason = reason`], writes: [] },
];

/** The roles of the presets, as the product's documents state them: role by role, word for word where they are exact. */
import { describe, expect, test } from 'vitest';
import { catalogue, type TenantPermission } from '../../src/contract/model.js';
import { presets, type PresetName } from '../../src/contract/presets.js';

const kindOf = new Map(catalogue.map(({ id, kind }) => [id, kind]));

function roleOf(preset: PresetName, name: string) {
  const role = presets[preset].roles.find((candidate) => candidate.name === name);
  if (role === undefined) throw new Error(`\`${preset}\` has no role \`${name}\``);
  return role;
}

const permissionsOf = (preset: PresetName, name: string): readonly TenantPermission[] =>
  roleOf(preset, name).permissions;

const holdersOf = (preset: PresetName, permission: TenantPermission): string[] =>
  presets[preset].roles.filter(({ permissions }) => permissions.includes(permission)).map(({ name }) => name);

test.each<{ preset: PresetName; roles: string[] }>([
  { preset: 'rcm', roles: ['TENANT_ADMIN', 'BILLING_LEAD', 'BILLER', 'RCM_ANALYST', 'MEMBER_SERVICES', 'READONLY'] },
  { preset: 'emr', roles: ['EMR_CLIENT_ADMIN', 'EMR_CLIENT_VIEWER', 'CONFIG_MANAGER'] },
  { preset: 'sales', roles: ['admin', 'manager', 'rep'] },
])('`$preset` has its roles', ({ preset, roles }) => {
  expect(presets[preset].roles.map(({ name }) => name)).toEqual(roles);
});

describe('emr', () => {
  test.each<{ action: string; permission: TenantPermission; grantedTo: string[] }>([
    {
      action: 'View matrix + effective scopes',
      permission: 'users.read',
      grantedTo: ['EMR_CLIENT_ADMIN', 'EMR_CLIENT_VIEWER'],
    },
    { action: 'Assign / revoke roles', permission: 'users.update', grantedTo: ['EMR_CLIENT_ADMIN'] },
    { action: 'Create / clone / delete roles', permission: 'users.admin', grantedTo: ['EMR_CLIENT_ADMIN'] },
    { action: 'Read audit drawer', permission: 'config.read', grantedTo: ['CONFIG_MANAGER'] },
  ])('$action: `$permission`', ({ permission, grantedTo }) => {
    expect(holdersOf('emr', permission)).toEqual(grantedTo);
  });

  test('a role for denials alone can be composed, by its admin', () => {
    expect(presets.emr.permissions).toEqual(expect.arrayContaining(['denials.read', 'denials.update']));
    expect(roleOf('emr', 'EMR_CLIENT_ADMIN').delegates).toEqual(
      expect.arrayContaining(['denials.read', 'denials.update']),
    );
  });

  test('its admin hands out every permission of the preset', () => {
    const { permissions, delegates } = roleOf('emr', 'EMR_CLIENT_ADMIN');
    expect([...permissions, ...delegates].toSorted()).toEqual(presets.emr.permissions.toSorted());
  });
});

describe('rcm', () => {
  test('TENANT_ADMIN manages everything, including users and roles', () => {
    expect(permissionsOf('rcm', 'TENANT_ADMIN')).toEqual(presets.rcm.permissions);
    expect(presets.rcm.permissions).toEqual(
      expect.arrayContaining(['users.read', 'users.update', 'users.admin', 'config.read', 'config.update']),
    );
  });

  test.each<{ role: string; can: string; permissions: TenantPermission[] }>([
    {
      role: 'BILLING_LEAD',
      can: 'manage payers, fee schedules, claims, denials',
      permissions: [
        'claims.read',
        'claims.update',
        'denials.read',
        'denials.update',
        'payers.read',
        'payers.update',
        'fee_schedules.read',
        'fee_schedules.update',
      ],
    },
    {
      role: 'BILLER',
      can: 'day-to-day claim work',
      permissions: ['claims.read', 'claims.update', 'denials.read', 'payers.read', 'fee_schedules.read'],
    },
    {
      role: 'RCM_ANALYST',
      can: 'view dashboards, run reports',
      permissions: ['dashboards.read', 'reports.read', 'reports.run'],
    },
    {
      role: 'MEMBER_SERVICES',
      can: 'manage member records, eligibility',
      permissions: ['members.read', 'members.update', 'eligibility.read', 'eligibility.update'],
    },
  ])('$role: $can', ({ role, permissions }) => {
    expect(permissionsOf('rcm', role)).toEqual(permissions);
  });

  test('BILLER cannot change config', () => {
    const changes = permissionsOf('rcm', 'BILLER').filter((id) => kindOf.get(id) === 'write');
    expect(changes).toEqual(['claims.update']);
  });

  test('READONLY views all there is, and only views', () => {
    const views = presets.rcm.permissions.filter((id) => id.endsWith('.read'));
    expect(permissionsOf('rcm', 'READONLY')).toEqual(views);
    expect(permissionsOf('rcm', 'READONLY').map((id) => kindOf.get(id))).not.toContain('write');
  });

  test.each<TenantPermission>(['users.update', 'users.admin', 'config.update'])(
    'no role below TENANT_ADMIN has `%s`',
    (permission) => {
      expect(holdersOf('rcm', permission)).toEqual(['TENANT_ADMIN']);
    },
  );
});

describe('sales', () => {
  test('admin reads all users, manages structure, administers and reports', () => {
    expect(permissionsOf('sales', 'admin')).toEqual(presets.sales.permissions);
    expect(presets.sales.permissions).toEqual(
      expect.arrayContaining([
        'users.read',
        'users.admin',
        'team.admin',
        'config.update',
        'reports.run',
        'records.read',
      ]),
    );
  });

  test('manager reads and manages those assigned, and their metrics and dashboards', () => {
    expect(permissionsOf('sales', 'manager')).toEqual([
      'team.read',
      'team.update',
      'team_metrics.read',
      'team_dashboards.read',
    ]);
  });

  test('rep has a personal dashboard and what they create: nothing that shows others', () => {
    expect(permissionsOf('sales', 'rep')).toEqual(['personal_dashboard.read', 'records.create']);
  });

  test.each<TenantPermission>([
    'users.read',
    'records.read',
    'dashboards.read',
    'users.update',
    'users.admin',
    'team.admin',
  ])('`%s`, which reaches past a team, is for admins', (permission) => {
    expect(holdersOf('sales', permission)).toEqual(['admin']);
  });
});

test.each(Object.values(presets))(
  'in `$name` nobody hands out more than they have, but EMR_CLIENT_ADMIN',
  ({ roles }) => {
    const delegating = roles.filter(({ delegates }) => delegates.length > 0).map(({ name }) => name);
    expect(delegating.filter((name) => name !== 'EMR_CLIENT_ADMIN')).toEqual([]);
  },
);

test('no preset has the role that stands above all tenants', () => {
  const names = Object.values(presets).flatMap(({ roles }) => roles.map(({ name }) => name));
  expect(names).not.toContain('PLATFORM_ADMIN');
});

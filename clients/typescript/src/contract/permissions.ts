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

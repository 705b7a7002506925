/** The SQL of the sales template, as its document prints it; nothing of it is changed here. */

export const ADMIN_SETUP = `
-- Assign admin role to a user
INSERT INTO user_roles (user_id, role_id, tenant_id)
SELECT
u.id,
r.id,
t.id
FROM users u, roles r, tenants t
WHERE u.email = 'admin@company.com'
AND r.name = 'admin'
AND t.name = 'Acme Corp';
`;

export const MANAGER_SETUP = `
-- Assign manager role
INSERT INTO user_roles (user_id, role_id, tenant_id)
SELECT
u.id,
r.id,
t.id
FROM users u, roles r, tenants t
WHERE u.email = 'manager@company.com'
AND r.name = 'manager'
AND t.name = 'Acme Corp';
-- Assign team members to manager
INSERT INTO user_assignments (user_id, assigned_user_id, tenant_id)
SELECT
manager.id,
rep.id,
t.id
FROM users manager, users rep, tenants t
WHERE manager.email = 'manager@company.com'
AND rep.email IN ('rep1@company.com', 'rep2@company.com')
AND t.name = 'Acme Corp';
`;

export const REP_SETUP = `
-- Assign rep role
INSERT INTO user_roles (user_id, role_id, tenant_id)
SELECT
u.id,
r.id,
t.id
FROM users u, roles r, tenants t
WHERE u.email = 'rep@company.com'
AND r.name = 'rep'
AND t.name = 'Acme Corp';
`;

export const USER_ROLES_OF = (email: string): string => `
-- Check user's role assignments
SELECT u.email, r.name as role, t.name as tenant
FROM users u
JOIN user_roles ur ON u.id = ur.user_id
JOIN roles r ON ur.role_id = r.id
LEFT JOIN tenants t ON ur.tenant_id = t.id
WHERE u.email = '${email}';
`;

export const TEAM_OF = (email: string): string => `
-- Check manager-rep assignments
SELECT
manager.email as manager,
rep.email as rep,
t.name as tenant
FROM user_assignments ua
JOIN users manager ON ua.user_id = manager.id
JOIN users rep ON ua.assigned_user_id = rep.id
JOIN tenants t ON ua.tenant_id = t.id
WHERE manager.email = '${email}';
`;

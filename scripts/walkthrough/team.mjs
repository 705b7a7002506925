/**
 * "2.10 Users and role-based access", step by step, on the tenant of 2.4: its administrator provisions the team, makes a
 * custom role and resets passwords; then the document's validation and troubleshooting rows, one by one.
 */
import { firstSignIn } from './first-admin.mjs';

/**
 * @typedef {import('./walk.mjs').Walk} Walk
 * @typedef {import('./first-admin.mjs').FirstTenant} FirstTenant
 * @typedef {{ id: string, email: string, oneTimePassword: string, mail: string }} Member
 * @typedef {FirstTenant & { token: string, roleIds: Map<string, string> }} Team
 */

const ROLES = ['BILLER', 'BILLING_LEAD', 'MEMBER_SERVICES', 'RCM_ANALYST', 'READONLY', 'TENANT_ADMIN'];

/**
 * @param {Walk} walk
 * @param {FirstTenant} tenant
 */
export async function walkTeam(walk, tenant) {
  const { ask, expect, step, title } = walk;
  title('2.10 Users and role-based access');

  step('Prerequisites: the first tenant admin is signed in and active');
  const signedIn = await walk.signIn(tenant.slug, tenant.admin);
  expect('signed in', [signedIn.status, signedIn.body.mustChangePassword], [200, false]);
  const token = signedIn.body.accessToken;

  step('Roles available');
  const roles = await ask('GET', '/admin/roles', { token });
  const system = (roles.body.items ?? []).filter((one) => one.isSystem && one.roleName !== 'PLATFORM_ADMIN');
  expect(
    'roles',
    system.map((one) => one.roleName),
    ROLES,
  );
  const readonly = system.find((one) => one.roleName === 'READONLY');
  const writing = readonly?.permissionIds.filter((id) => !id.endsWith('.read'));
  expect('READONLY is view only: permissions that are none of viewing', writing, []);
  const roleIds = new Map(system.map((one) => [one.roleName, one.id]));
  const team = { ...tenant, token, roleIds };

  step('1. Settings → Users → Add user: the first three team members');
  const members = [];
  for (const roleName of ['BILLING_LEAD', 'BILLER', 'READONLY']) members.push(await add(walk, team, { roleName }));
  const created = await walk.sql(
    `select event_type, ts, details from identity.tenant_audit
     where tenant_id = '${tenant.id}' and event_type = 'USER_CREATED' and actor_user_id = '${tenant.admin.id}' order by ts`,
  );
  expect('identity.tenant_audit for USER_CREATED', created.length, 3);
  for (const { email, oneTimePassword } of members) {
    await firstSignIn(walk, tenant.slug, { email, oneTimePassword, newPassword: passwordOf(email) });
  }

  const custom = await customRole(walk, team, members);
  await forgotten(walk, team, members);

  step('4. Confirm SSO posture');
  walk.note(
    'passwords today; SSO by Entra ID or SAML is on the roadmap: a user signs in by some proof, and this is one',
  );

  await validate(walk, team, { roster: 1 + members.length, added: members.length });
  await troubleshoot(walk, team, members);
  expect('the custom role is there', (await ask('GET', `/admin/roles/${custom}`, { token: team.token })).status, 200);
}

/** @param {string} email */
const passwordOf = (email) => `the harbour of ${email} in winter`.replaceAll('@', ' at ');

/**
 * @param {Walk} walk
 * @param {Team} team
 * @param {{ roleName: string, name?: string }} whom
 * @returns {Promise<Member>}
 */
async function add(walk, { slug, token, roleIds }, { roleName, name = roleName.toLowerCase().replace('_', '-') }) {
  const email = `${name}@${slug}.example`;
  const body = { email, displayName: name, roleIds: [roleIds.get(roleName)], mustChangePassword: true };
  const answer = await walk.ask('POST', '/admin/users', { token, body });
  walk.expect(`${name} is added`, answer.status, 201);
  walk.note(
    answer.body.mail === 'queued' ? 'the one-time password is mailed' : 'no mailer: it is shown to the administrator',
  );
  const { user, oneTimePassword, mail } = answer.body;
  return { id: user?.id ?? '', email, oneTimePassword, mail };
}

/**
 * @param {Walk} walk
 * @param {Team} team
 * @param {Member[]} members
 * @returns {Promise<string>}
 */
async function customRole({ ask, expect, step }, { token, roleIds }, members) {
  step('2. Settings → Roles: view the canonical roles, create a custom one, edit an assignment');
  const permissions = await ask('GET', '/admin/permissions', { token });
  expect('the canonical permission set is shown', permissions.status, 200);
  const made = await ask('POST', '/admin/roles', {
    token,
    body: { roleName: 'DENIALS_ANALYST', description: 'Denials only' },
  });
  expect('a custom role is created', made.status, 201);
  const set = await ask('PUT', `/admin/roles/${made.body.id}/permissions`, {
    token,
    body: { permissionIds: ['denials.read', 'denials.update'] },
  });
  expect('and given permissions', set.status, 200);
  const user = members[1]?.id;
  const assigned = await ask('POST', `/admin/users/${user}/roles`, { token, body: { roleId: made.body.id } });
  expect('a role assignment is added', assigned.status, 200);
  const revoked = await ask('DELETE', `/admin/users/${user}/roles/${roleIds.get('BILLER')}`, { token });
  expect('and another revoked', revoked.status, 200);
  const shown = await ask('GET', `/admin/users/${user}`, { token });
  expect('the user has', shown.body.roleNames, ['DENIALS_ANALYST']);
  return made.body.id;
}

/**
 * @param {Walk} walk
 * @param {Team} team
 * @param {Member[]} members
 */
async function forgotten(walk, team, members) {
  const { ask, expect, step } = walk;
  const { id, slug, admin, token } = team;
  const [lead] = members;
  step('3. Forgotten passwords: the TENANT_ADMIN resets from the user list');
  const listed = await ask('GET', `/admin/users?search=${encodeURIComponent(lead?.email ?? '')}`, { token });
  expect('found in the list', listed.body.items?.length, 1);
  const reset = await ask('POST', `/admin/users/${lead?.id}/reset-password`, { token });
  const newPassword = 'another winter in the harbour';
  await firstSignIn(walk, slug, { email: lead?.email ?? '', oneTimePassword: reset.body.oneTimePassword, newPassword });

  step('3. The TENANT_ADMIN themselves locks out: only a platform admin can reset, via impersonation');
  for (let guess = 0; guess < 5; guess += 1) await walk.signIn(slug, { ...admin, password: 'not this one' });
  expect('locked out', (await walk.signIn(slug, admin)).status, 429);
  const above = await walk.signInAbove();
  const path = `/platform/tenants/${id}/impersonation`;
  const { body } = await ask('POST', path, { token: above, body: { reason: 'their administrator is locked out' } });
  const again = await ask('POST', `/admin/users/${admin.id}/reset-password`, { token: body.accessToken });
  expect('reset through impersonation', again.status, 200);
  await ask('DELETE', path, { token: above });
  admin.password = 'a third kettle of quiet thunder';
  const { oneTimePassword } = again.body;
  await firstSignIn(walk, slug, { email: admin.email, oneTimePassword, newPassword: admin.password });
  team.token = (await walk.signIn(slug, admin)).body.accessToken;
}

/**
 * @param {Walk} walk
 * @param {Team} team
 * @param {{ roster: number, added: number }} wanted
 */
async function validate(walk, team, { roster, added }) {
  const { ask, expect, step } = walk;
  const { id: tenantId, admin } = team;
  step('Validation: security.app_user count matches customer roster');
  const users = await walk.sql(`select count(*)::int as n from security.app_user where tenant_id = '${tenantId}'`);
  expect('count', users[0]?.['n'], roster);
  step('Validation: security.user_role rows: every user has at least one role');
  const without = await walk.sql(
    `select u.id from security.app_user u where u.tenant_id = '${tenantId}' and not exists (
       select from security.user_role ur where ur.user_id = u.id and ur.revoked_at is null)`,
  );
  expect('users without a role', without.length, 0);
  const filtered = await ask('GET', '/admin/users?state=no_role', { token: team.token });
  expect('and by the filter of the list', filtered.body.items, []);
  step('Validation: identity.tenant_audit USER_CREATED count matches step 1');
  const events = await walk.sql(
    `select count(*)::int as n from identity.tenant_audit
     where tenant_id = '${tenantId}' and event_type = 'USER_CREATED' and actor_user_id = '${admin.id}'`,
  );
  expect('count', events[0]?.['n'], added);
  step('Validation: Customer admin demos add/remove user');
  const demo = await add(walk, team, { roleName: 'MEMBER_SERVICES', name: 'demo' });
  expect('and removed', (await ask('DELETE', `/admin/users/${demo.id}`, { token: team.token })).status, 200);
  const gone = await walk.sql(
    `select event_type from identity.tenant_audit where tenant_id = '${tenantId}' and details->>'userId' = '${demo.id}' order by ts`,
  );
  expect(
    'both written down',
    gone.map((row) => row['event_type']),
    ['USER_CREATED', 'USER_REMOVED'],
  );
}

/**
 * @param {Walk} walk
 * @param {Team} team
 * @param {Member[]} members
 */
async function troubleshoot(walk, team, members) {
  const { ask, expect, step } = walk;
  const { slug } = team;
  step('Troubleshooting: New user OTP email never arrives: SMTP not configured at platform level');
  const above = await walk.signInAbove();
  const mailer = await ask('GET', '/platform/mailer', { token: above });
  expect('Fix: the platform mailer config is shown', mailer.status, 200);
  walk.note(`delivery: ${mailer.body.delivery}, settings: ${mailer.body.settings === null ? 'none' : 'set'}`);
  const isMailing = mailer.body.delivery !== 'none';
  expect('and the answer of Add user had said so', members[0]?.mail, isMailing ? 'queued' : 'no-mailer');

  step('Troubleshooting: Customer admin can’t add users: their role is below TENANT_ADMIN');
  const reader = members[2];
  const low = await walk.signIn(slug, { email: reader?.email ?? '', password: passwordOf(reader?.email ?? '') });
  const body = { email: `no@${slug}.example`, displayName: 'No', roleIds: [team.roleIds.get('READONLY')] };
  const refused = await ask('POST', '/admin/users', { token: low.body.accessToken, body });
  expect('a READONLY adds a user', [refused.status, refused.body.code], [403, 'FORBIDDEN']);
  const confirmed = await walk.sql(
    `select r.name from security.user_role ur join security.role r on r.id = ur.role_id where ur.user_id = '${reader?.id}'`,
  );
  expect('Fix: confirm security.user_role for that user', confirmed, [{ name: 'READONLY' }]);

  step('Troubleshooting: Login lockout after 5 attempts: account-locking policy');
  const who = { email: reader?.email ?? '', password: passwordOf(reader?.email ?? '') };
  const statuses = [];
  for (let guess = 0; guess < 5; guess += 1) {
    statuses.push((await walk.signIn(slug, { ...who, password: 'not this one' })).status);
  }
  expect('five attempts', statuses, [401, 401, 401, 401, 401]);
  const locked = await walk.signIn(slug, who);
  expect('the sixth, with the right password', locked.status, 429);
  const seconds = Number(locked.headers['retry-after']);
  expect('Fix: wait 15 min (`Retry-After`)', seconds > 14 * 60 && seconds <= 15 * 60, true);
  const shown = await ask('GET', '/admin/users?state=locked', { token: team.token });
  expect(
    'the list shows who is locked',
    shown.body.items?.map((one) => one.email),
    [who.email],
  );
  await ask('POST', `/admin/users/${reader?.id}/unlock`, { token: team.token });
  expect('Fix: or reset via UI', (await walk.signIn(slug, who)).status, 200);
}

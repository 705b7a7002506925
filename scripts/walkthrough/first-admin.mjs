/**
 * "2.4 First tenant admin user", step by step: a platform admin switches to the tenant, makes its first administrator,
 * and stops; then the document's validation and troubleshooting rows, one by one.
 */
import { randomBytes } from 'node:crypto';

/**
 * @typedef {import('./walk.mjs').Walk} Walk
 * @typedef {{ id: string, slug: string, admin: { id: string, email: string, password: string } }} FirstTenant
 */

const OWN_PASSWORD = 'a kettle of quiet thunder';

/**
 * @param {Walk} walk
 * @returns {Promise<FirstTenant>}
 */
export async function walkFirstAdmin(walk) {
  const { ask, expect, step, title } = walk;
  const slug = `acme-${randomBytes(3).toString('hex')}`;
  title('2.4 First tenant admin user');

  step('Prerequisites: the platform admin is signed in, and the tenant is there');
  const above = await walk.signInAbove();
  const name = `Acme Behavioral Health (${slug})`;
  const tenant = await ask('POST', '/platform/tenants', { token: above, body: { name, slug, preset: 'rcm' } });
  expect('the tenant is made', tenant.status, 201);
  const tenantId = tenant.body.id;

  step('1. Open the tenant: Admin → Tenants → Acme Behavioral Health → Switch to tenant');
  const found = await ask('GET', `/platform/tenants?search=${slug}`, { token: above });
  expect(
    'the tenant is found',
    found.body.items?.map((one) => one.slug),
    [slug],
  );
  const path = `/platform/tenants/${tenantId}/impersonation`;
  const switched = await ask('POST', path, { token: above, body: { reason: 'first tenant admin' } });
  expect('the tenant is switched to', switched.status, 201);
  const token = switched.body.accessToken;

  step('2. Create the first tenant admin: Settings → Users → Add user');
  const roles = await ask('GET', '/admin/roles', { token });
  const roleId = roles.body.items?.find((role) => role.roleName === 'TENANT_ADMIN')?.id;
  const email = `it-lead@${slug}.example`;
  const user = { email, displayName: 'Ida Lead', roleIds: [roleId], mustChangePassword: true };
  const added = await ask('POST', '/admin/users', { token, body: user });
  expect('the user is added', added.status, 201);
  expect('a one-time password is shown', typeof added.body.oneTimePassword, 'string');
  const again = await ask('GET', `/admin/users/${added.body.user?.id}`, { token });
  expect('and shown once', JSON.stringify(again.body).includes(added.body.oneTimePassword), false);
  const admin = { id: added.body.user?.id ?? '', email, password: OWN_PASSWORD };

  step(`3. Confirm the user can sign in: ${slug}.${walk.domain}, and change the password`);
  await firstSignIn(walk, slug, { email, oneTimePassword: added.body.oneTimePassword, newPassword: OWN_PASSWORD });

  step('4. Exit impersonation: Stop impersonating');
  expect('it has ended', (await ask('DELETE', path, { token })).status, 200);

  await verifyTrail(walk, { tenantId, slug, admin, above });
  await validate(walk, { tenantId, slug, admin });
  await troubleshoot(walk, { tenantId, slug, admin, above, path });
  return { id: tenantId, slug, admin };
}

/**
 * @param {Walk} walk
 * @param {{ tenantId: string, slug: string, admin: FirstTenant['admin'], above: string }} made
 */
async function verifyTrail(walk, { tenantId, slug, admin, above }) {
  const { ask, expect, step } = walk;
  step('5. Verify the audit trail');
  const trail = await walk.sql(
    [
      '-- Master-side audit shows your impersonation',
      'SELECT event_type, ts, details',
      'FROM identity.tenant_audit',
      `WHERE tenant_id = '${tenantId}' AND ts > now() - interval '1 hour'`,
      'ORDER BY ts;',
    ].join('\n'),
  );
  const told = trail.map((row) => row['event_type']);
  const wanted = ['IMPERSONATION_STARTED', 'USER_CREATED', 'IMPERSONATION_ENDED'];
  expect(
    'in this order',
    told.filter((type) => wanted.includes(String(type))),
    wanted,
  );
  const signedIn = await walk.signIn(slug, admin);
  const tenantSide = await ask('GET', `/admin/audit-log?purpose=user.create&entityId=${admin.id}`, {
    token: signedIn.body.accessToken,
  });
  expect('captured on the tenant side, under the platform user', tenantSide.body.items?.length, 1);
  const me = await ask('GET', '/auth/me', { token: above });
  expect('by', tenantSide.body.items?.[0]?.actorUserId, me.body.userId);
}

/**
 * @param {Walk} walk
 * @param {string} slug
 * @param {{ email: string, oneTimePassword: string, newPassword: string }} who
 */
export async function firstSignIn(walk, slug, { email, oneTimePassword, newPassword }) {
  const first = await walk.signIn(slug, { email, password: oneTimePassword });
  walk.expect('they sign in', first.status, 200);
  walk.expect('and must change the password', first.body.mustChangePassword, true);
  const token = first.body.accessToken;
  walk.expect(
    'before anything else',
    (await walk.ask('GET', '/auth/me', { token })).body.code,
    'PASSWORD_CHANGE_REQUIRED',
  );
  const changed = await walk.ask('POST', '/auth/change-password', {
    token,
    body: { currentPassword: oneTimePassword, newPassword },
  });
  walk.expect('the password is changed', changed.status, 200);
}

/**
 * @param {Walk} walk
 * @param {{ tenantId: string, slug: string, admin: FirstTenant['admin'] }} made
 */
async function validate(walk, { tenantId, slug, admin }) {
  const { expect, step } = walk;
  step('Validation: Tenant security.app_user count = 1');
  const count = await walk.sql(`select count(*)::int as n from security.app_user where tenant_id = '${tenantId}'`);
  expect('count', count[0]?.['n'], 1);
  step('Validation: security.user_role for that user = TENANT_ADMIN');
  const role = await walk.sql(
    `select r.name from security.user_role ur join security.role r on r.id = ur.role_id where ur.user_id = '${admin.id}'`,
  );
  expect('role', role, [{ name: 'TENANT_ADMIN' }]);
  step(`Validation: Login at ${slug}.${walk.domain} succeeds`);
  expect('status', (await walk.signIn(slug, admin)).status, 200);
  step('Validation: identity.tenant_audit IMPERSONATION_STARTED + ENDED both present');
  const both = await walk.sql(
    `select event_type, count(*)::int as n from identity.tenant_audit where tenant_id = '${tenantId}'
       and event_type like 'IMPERSONATION%' group by 1 order by 1`,
  );
  expect(
    'events',
    both.map((row) => row['event_type']),
    ['IMPERSONATION_ENDED', 'IMPERSONATION_STARTED'],
  );
}

/**
 * @param {Walk} walk
 * @param {{ tenantId: string, slug: string, admin: FirstTenant['admin'], above: string, path: string }} made
 */
async function troubleshoot(walk, { tenantId, slug, admin, above, path }) {
  const { ask, expect, step } = walk;
  step('Troubleshooting: Impersonation token returns 403 on writes: tenant status is read_only or suspended');
  const { body: switched } = await ask('POST', path, { token: above, body: { reason: 'troubleshooting' } });
  const token = switched.accessToken;
  const write = () =>
    ask('POST', '/admin/roles', { token, body: { roleName: `TRY_${Date.now().toString(36).toUpperCase()}` } });
  for (const status of ['read_only', 'suspended']) {
    await ask('PATCH', `/platform/tenants/${tenantId}`, { token: above, body: { status } });
    expect(`a write while ${status}`, (await write()).status, 403);
  }
  await ask('PATCH', `/platform/tenants/${tenantId}`, { token: above, body: { status: 'active' } });
  const confirmed = await walk.sql(`select status from identity.tenant where id = '${tenantId}'`);
  expect('Fix: identity.tenant.status', confirmed[0]?.['status'], 'active');
  expect('a write then', (await write()).status, 201);

  step('Troubleshooting: Created user can’t log in: slug missing from URL');
  const bare = await walk.signIn(undefined, admin);
  expect('on the bare host', [bare.status, bare.body.code], [400, 'TENANT_ADDRESS_REQUIRED']);
  expect('with a hint', String(bare.body.detail).includes(`<tenant>.${walk.domain}`), true);
  expect(`Fix: at ${slug}.${walk.domain}`, (await walk.signIn(slug, admin)).status, 200);

  step('Troubleshooting: Email is correct but login fails: password copy/paste includes whitespace');
  const reset = await ask('POST', `/admin/users/${admin.id}/reset-password`, { token });
  expect('Fix: re-issued via Reset password', reset.status, 200);
  const issued = reset.body.oneTimePassword;
  const inner = `${issued.slice(0, 9)} ${issued.slice(9)}`;
  expect('white space inside it', (await walk.signIn(slug, { ...admin, password: inner })).status, 401);
  expect('white space around it', (await walk.signIn(slug, { ...admin, password: `  ${issued}\n` })).status, 200);
  const second = await ask('POST', `/admin/users/${admin.id}/reset-password`, { token });
  const newPassword = 'the second kettle of quiet thunder';
  await firstSignIn(walk, slug, { email: admin.email, oneTimePassword: second.body.oneTimePassword, newPassword });
  admin.password = newPassword;
  expect('Stop impersonating', (await ask('DELETE', path, { token })).status, 200);
}

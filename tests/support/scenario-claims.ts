/**
 * What tokens say in a scenario: whoever is named signs in anew at each step, and besides what the new token says,
 * introspection must say the same of it and of the first one, which is from before.
 */
import type { Introspection, SignInResult } from '../../src/contract/api.js';
import { hashPassword } from '../../src/platform/password-hash.js';
import type { Stage } from './scenario-cross-check.js';
import type { Expectation } from './scenario.js';
import { claimsOf, emailOf, PASSWORD, setHash } from './sign-in-world.js';

/** One will do for all: what is worked out is slow on purpose. */
const hashed = hashPassword(PASSWORD);

/** What differs from the claims that a step expects. `first` keeps the first token of each user who is asked for. */
export async function claimFaults(
  expected: Expectation['claims'],
  { world, service }: Stage,
  first: Map<string, string>,
): Promise<string[]> {
  const faults: string[] = [];
  for (const [userId, roles, managed] of expected) {
    const [user] = await world.sql<{ slug: string }>(
      `select t.slug from security.app_user u join identity.tenant t on t.id = u.tenant_id where u.id = $1`,
      [userId],
    );
    if (!first.has(userId)) await setHash(world, userId, await hashed);
    const typed = { tenant: user?.slug, email: emailOf(userId), password: PASSWORD };
    const { body } = await service.request<SignInResult>('/auth/login', typed, { as: 'nobody', timeoutMs: 10_000 });
    const token = body.accessToken ?? '';
    const before = first.get(userId) ?? token;
    first.set(userId, before);
    const live = async (of: string): Promise<Partial<Record<string, unknown>>> =>
      (await service.request<Introspection>('/auth/introspect', { token: of })).body;
    const given = {
      'the token': token === '' ? {} : claimsOf(token),
      'its introspection': await live(token),
      'the introspection of the first token': await live(before),
    };
    const wanted = textOf({ roles, managed_user_ids: managed });
    for (const [what, says] of Object.entries(given)) {
      if (textOf(says) !== wanted) faults.push(`${userId}: ${what} should say ${wanted}, says ${textOf(says)}`);
    }
  }
  return faults;
}

function textOf({ roles, managed_user_ids: managed }: Partial<Record<string, unknown>>): string {
  return JSON.stringify({ roles, managed });
}

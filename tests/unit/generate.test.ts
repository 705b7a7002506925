/** The generator's rules: each of them by a source that breaks it. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { hashOf, readModel } from '../../scripts/generate/model.mjs';
import { modelSize } from '../../scripts/generate/model-size.mjs';
import { readContract } from '../../scripts/generate/operations.mjs';
import { readPresets } from '../../scripts/generate/presets.mjs';

const MODEL = readFileSync(new URL('../../model.fga', import.meta.url), 'utf8');

/** The model with a permission added to the tenant. */
const withPermission = (lines: string[]): string =>
  MODEL.replace('    # [users]', `${lines.map((line) => `    ${line}\n`).join('')}\n    # [users]`);

/** A writing permission. */
const permission = (id: string): string[] => [
  '# [x] One of many',
  `define grant.${id}: [role#assignee]`,
  `define ${id}: grant.${id} from writable or operator from writable`,
];

describe('model.fga', () => {
  test('gives a catalogue in which reading and writing follow the form, not the name', () => {
    const { catalogue } = readModel(
      withPermission([
        '# [odd] Named as if it read',
        'define grant.odd.read: [role#assignee]',
        'define odd.read: grant.odd.read from writable or operator from writable',
      ]),
    );
    const kinds = new Map(catalogue.map(({ id, kind }) => [id, kind]));
    expect(kinds.get('odd.read')).toBe('write');
    expect(kinds.get('reports.run')).toBe('read');
    expect(kinds.get('profile.read')).toBe('read');
    expect(kinds.get('profile.update')).toBe('write');
    expect(kinds.get('record.read')).toBe('read');
    expect(kinds.get('record.update')).toBe('write');
    expect(catalogue[0]).toEqual({
      id: 'odd.read',
      group: 'odd',
      description: 'Named as if it read',
      kind: 'write',
      objectType: 'tenant',
    });
  });

  test('takes a name of 44 characters', () => {
    const id = `${'x'.repeat(39)}.read`;
    expect(readModel(withPermission(permission(id))).catalogue.map((entry) => entry.id)).toContain(id);
  });

  test.each<{ rule: string; model: string; fault: RegExp }>([
    {
      rule: 'a permission without a description',
      model: MODEL.replace(/ *# \[claims\] See.*\n/, ''),
      fault: /`claims\.read` has no `# \[group\] description`/,
    },
    {
      rule: 'a description without a permission',
      model: MODEL.replace('type user\n', '# [users] Of nothing\n\ntype user\n'),
      fault: /describes a permission, but none follows/,
    },
    {
      rule: 'a description of structure',
      model: MODEL.replace('    define member:', '    # [users] Not askable\n    define member:'),
      fault: /`member` is described as a permission, but is none/,
    },
    {
      rule: 'a name of 45 characters',
      model: withPermission(permission(`${'x'.repeat(40)}.read`)),
      fault: /naming rule/,
    },
    {
      rule: 'a grant without its permission',
      model: withPermission(['# [x] Half', 'define grant.x.read: [role#assignee]']),
      fault: /`grant\.x\.read` has no permission `x\.read`/,
    },
    {
      rule: 'a permission without its grant',
      model: withPermission(['define x.read: operator']),
      fault: /`x\.read` has no `grant\.x\.read`/,
    },
    {
      rule: 'a grant to something other than roles',
      model: MODEL.replace(
        'define grant.claims.read: [role#assignee]',
        'define grant.claims.read: [role#assignee, user]',
      ),
      fault: /`grant\.claims\.read` must be `\[role#assignee\]`/,
    },
    {
      rule: 'a third form of permission',
      model: MODEL.replace('grant.claims.read from readable or operator', 'grant.claims.read from readable'),
      fault: /`claims\.read` is written as neither/,
    },
    {
      rule: 'a writing permission whose override ignores the status',
      model: MODEL.replace(
        'grant.claims.update from writable or operator from writable',
        'grant.claims.update from writable or operator',
      ),
      fault: /`claims\.update` is written as neither/,
    },
    {
      rule: '`but not`',
      model: MODEL.replace('live_subject or lead or users.read from tenant', 'live_subject but not lead'),
      fault: /`profile#profile\.read` uses `but not`/,
    },
    {
      rule: 'a wildcard',
      model: MODEL.replace('define subject: [user]', 'define subject: [user, user:*]'),
      fault: /`profile#subject` uses a wildcard/,
    },
    {
      rule: 'a tupleset of several types',
      model: MODEL.replace('define owner: [profile]', 'define owner: [profile, tenant]'),
      fault: /tupleset of several types/,
    },
    {
      rule: 'a permission that no tenant status governs',
      model: MODEL.replace(
        'define profile.update: subject and active_member from tenant',
        'define profile.update: subject',
      ),
      fault: /`profile\.update` depends on neither or both/,
    },
    {
      rule: 'a further permission of a profile',
      model: MODEL.replace('    define live_subject:', '    define profile.delete: subject\n    define live_subject:'),
      fault: /may not have the permission `profile\.delete`/,
    },
    {
      rule: 'a model that the engine finds too large',
      model: withPermission(
        Array.from({ length: 900 }, (_, index) =>
          permission(`permission_with_rather_long_name_${index}.update`),
        ).flat(),
      ),
      fault: /the model has about \d+ bytes/,
    },
  ])('refuses $rule', ({ model, fault }) => {
    expect(() => readModel(model)).toThrow(fault);
  });

  test('has room for 800 permissions', () => {
    const many = Array.from({ length: 800 }, (_, index) => permission(`area_${index}.update`)).flat();
    expect(modelSize(readModel(withPermission(many)).model)).toBeLessThan(262_144);
  });

  test('has a hash that follows what it says and not how it is laid out', () => {
    const { hash } = readModel(MODEL);
    expect(readModel(MODEL.replace('# One object', '# An object')).hash).toBe(hash);
    expect(readModel(MODEL.replace('current_time < expires_at', 'current_time <= expires_at')).hash).not.toBe(hash);
    expect(hashOf({ a: 1, b: [{ c: 2, d: 3 }] })).toBe(hashOf({ b: [{ d: 3, c: 2 }], a: 1 }));
  });
});

describe('presets', () => {
  const known = ['x.read', 'x.update'];
  const preset = (roles: string, more = ''): { file: string; text: string } => ({
    file: 'one',
    text: `name: one\ndescription: One\npermissions: [x.read, x.update]\n${more}roles:\n${roles}`,
  });
  const role = (name: string, more = 'permissions: all'): string => `  - { name: ${name}, description: D, ${more} }\n`;

  test('`all` is spelled out, in the order of the model; delegates are beyond what is held', () => {
    const [one] = readPresets(
      [preset(role('A') + role('B', 'permissions: [x.update], delegates: all') + role('C', 'permissions: []'))],
      known,
    );
    expect(one?.roles.map(({ permissions, delegates }) => ({ permissions, delegates }))).toEqual([
      { permissions: ['x.read', 'x.update'], delegates: [] },
      { permissions: ['x.update'], delegates: ['x.read'] },
      { permissions: [], delegates: [] },
    ]);
  });

  test.each<{ rule: string; source: { file: string; text: string }; fault: RegExp }>([
    {
      rule: 'a permission that the model lacks',
      source: preset(role('A', 'permissions: [y.read]')),
      fault: /may not name `y\.read`/,
    },
    {
      rule: 'a permission named twice',
      source: preset(role('A', 'permissions: [x.read, x.read]')),
      fault: /names `x\.read` twice/,
    },
    {
      rule: 'a delegate that is held already',
      source: preset(role('A', 'permissions: all, delegates: [x.read]')),
      fault: /may not name/,
    },
    { rule: 'a role named twice', source: preset(role('A') + role('A')), fault: /role `A` occurs twice/ },
    { rule: 'a role name out of form', source: preset(role('Admin')), fault: /`Admin` is not a role name/ },
    { rule: 'the platform role', source: preset(role('PLATFORM_ADMIN')), fault: /belongs to no preset/ },
    { rule: 'an unknown field', source: preset(role('A'), 'owner: me\n'), fault: /unknown field `owner`/ },
    {
      rule: 'a role without permissions',
      source: preset('  - { name: A, description: D }\n'),
      fault: /lacks the list `A\.permissions`/,
    },
    { rule: 'a file of another name', source: { ...preset(role('A')), file: 'two' }, fault: /is named `one`/ },
  ])('refuses $rule', ({ source, fault }) => {
    expect(() => readPresets([source], known)).toThrow(fault);
  });

  test('refuses a permission that belongs to no preset', () => {
    expect(() => readPresets([preset(role('A'))], [...known, 'z.read'])).toThrow(/`z\.read` belongs to no preset/);
  });
});

describe('openapi.yaml', () => {
  const contract = (operation: string): string =>
    `paths: { /x: { get: ${operation} } }\ncomponents: { schemas: { ProblemCode: { enum: [INTERNAL] } } }`;

  test('gives the operations and the problem codes', () => {
    expect(readContract(contract('{ operationId: getX, x-permission: x.read }'), ['x.read'])).toEqual({
      operationIds: ['getX'],
      problemCodes: ['INTERNAL'],
    });
  });

  test.each<{ rule: string; text: string; fault: RegExp }>([
    {
      rule: 'an operation without an id',
      text: contract('{ x-permission: public }'),
      fault: /GET \/x has no operationId/,
    },
    {
      rule: 'an operation that does not say what it needs',
      text: contract('{ operationId: getX }'),
      fault: /has no x-permission/,
    },
    {
      rule: 'an unknown permission',
      text: contract('{ operationId: getX, x-permission: y.read }'),
      fault: /needs the unknown `y\.read`/,
    },
    { rule: 'no problem codes', text: 'paths: {}', fault: /ProblemCode has no enum/ },
  ])('refuses $rule', ({ text, fault }) => {
    expect(() => readContract(text, ['x.read'])).toThrow(fault);
  });
});

/**
 * The form of `scenarios/*.yaml`: rows, then steps that change them, and what must be answered after each.
 *
 *     name: what it shows
 *     tenants:  [{ id: acme, preset: rcm, status: active }]
 *     users:    [{ id: anne, tenant: acme, roles: [BILLER], status: active }]
 *     sql:      other rows that stand before the first step
 *     steps:
 *       - name: what has happened
 *         sql: as an operator's psql, in one transaction
 *         migration: then, as the owner: what the guards let nobody else do
 *         at: 2030-01-01T00:00:00.000Z      # the service's clock, in this step alone; without it the real one
 *         expect:
 *           check:       [[anne, claims.read, acme, allowed], [anne, record.read, 'acme/record:r1', denied]]
 *           listObjects: [[anne, record.read, acme, [r1, r2]]]
 *           tables:      [{ tenant: acme, table: a text of users × permissions, `yes` or `.` in each cell }]
 *           claims:      [[anne, [BILLER], [bob]]]    # who signs in, and the roles and the managed that their token names
 *           asks:        [{ check: { … any body … }, as: { key: acme }, answer: 403 FORBIDDEN }]
 *
 * An answer is `allowed`, `denied`, or a status with the fields at fault or else the problem code (`400 user`). Lists
 * are complete and in order. A table with `preset` holds one column for each role of the preset (a user who has just
 * that role) and one row for each permission that there is, and is compared with the preset's file as well.
 * Unknown keys are refused.
 */
import { parse } from 'yaml';
import { z } from 'zod';

import { presets } from '../../src/contract/presets.js';

const answer = z.string().regex(/^(allowed|denied|[45]\d\d [\w.,-]+)$/);
const presetName = z.enum(['rcm', 'emr', 'sales']);
const tenant = z.strictObject({
  id: z.string(),
  preset: presetName,
  status: z.enum(['active', 'read_only', 'suspended']).default('active'),
});
const user = z.strictObject({
  id: z.string(),
  /** Left out: a platform user, or one not placed yet. */
  tenant: z.string().optional(),
  roles: z.array(z.string()).default([]),
  status: z.enum(['active', 'disabled']).default('active'),
  platformAdmin: z.boolean().default(false),
});

/** Column by column: who holds which of the permissions. */
const table = z.string().transform((text, context) => {
  const [head = [], ...rows] = text
    .split('\n')
    .flatMap((line) => (line.trim() === '' ? [] : [line.trim().split(/\s+/)]));
  const cells = rows.flatMap(([permission = '', ...marks]) => {
    if (marks.length !== head.length - 1) context.addIssue(`\`${permission}\` has ${marks.length} cells`);
    return marks.map((mark, column) => {
      if (mark !== 'yes' && mark !== '.') context.addIssue(`\`${mark}\` is neither \`yes\` nor \`.\``);
      return { user: head[column + 1] ?? '', permission, isHeld: mark === 'yes' };
    });
  });
  if (head[0] !== 'permission') context.addIssue('the first word of a table is `permission`');
  return cells;
});

const ask = z.strictObject({
  check: z.unknown().optional(),
  listObjects: z.unknown().optional(),
  /** The platform's service key where it is left out; `key` is the tenant of another. */
  as: z
    .union([z.strictObject({ user: z.string(), tenant: z.string() }), z.strictObject({ key: z.string() })])
    .optional(),
  answer: z.union([answer, z.array(z.string())]),
});

const expectation = z.strictObject({
  check: z.array(z.tuple([z.string(), z.string(), z.string(), answer])).default([]),
  listObjects: z.array(z.tuple([z.string(), z.string(), z.string(), z.array(z.string())])).default([]),
  tables: z.array(z.strictObject({ tenant: z.string(), preset: presetName.optional(), table })).default([]),
  claims: z.array(z.tuple([z.string(), z.array(z.string()), z.array(z.string())])).default([]),
  asks: z.array(ask).default([]),
});

const scenario = z.strictObject({
  name: z.string().min(1),
  tenants: z.array(tenant).default([]),
  users: z.array(user).default([]),
  sql: z.string().optional(),
  steps: z
    .array(
      z.strictObject({
        name: z.string().min(1),
        sql: z.string().optional(),
        migration: z.string().optional(),
        at: z.iso.datetime().optional(),
        expect: expectation.refine((all) => Object.values(all).some((part) => part.length > 0), 'expects nothing'),
      }),
    )
    .min(1),
});

export type Scenario = z.infer<typeof scenario>;
export type Step = Scenario['steps'][number];
export type Expectation = Step['expect'];
export type Ask = Expectation['asks'][number];
export type Table = Expectation['tables'][number];

/** Reads a scenario. Throws ZodError, or YAML's own error, for what does not have the form. */
export function parseScenario(text: string): Scenario {
  const parsed = scenario.parse(parse(text, { strict: true, uniqueKeys: true }));
  for (const { id, tenant: home, roles } of parsed.users) {
    const preset = parsed.tenants.find((candidate) => candidate.id === home)?.preset;
    const known = preset === undefined ? [] : presets[preset].roles.map(({ name }) => name);
    const unknown = roles.filter((role) => !known.includes(role));
    if (unknown.length > 0) throw new Error(`\`${id}\` has roles that the tenant does not have: ${unknown.join(', ')}`);
  }
  return parsed;
}

/** The synced tables that the scenario's steps write to: rows that stand before the first step show no change. */
export function tablesWritten({ steps }: Pick<Scenario, 'steps'>): string[] {
  const written = steps.flatMap(({ sql = '', migration = '' }) => [
    ...`${sql};${migration}`.matchAll(
      /\b(?:insert\s+into|update|delete\s+from|truncate(?:\s+table)?)\s+((?:identity|security)\.\w+)/gi,
    ),
  ]);
  return [...new Set(written.map(([, name = '']) => name.toLowerCase()))].sort();
}

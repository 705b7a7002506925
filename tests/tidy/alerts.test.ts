/**
 * Rules, dashboards and runbooks name what is there: every expression only metrics and labels of the golden list, every
 * alert its runbook and its two cases. promtool, where it is on the PATH, reads the rules and plays the cases.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

import { projectFiles, readText } from './support/files.js';
import { ROOT } from './support/planted-tree.js';
import { expressionBreaches, knownMetrics } from './support/prom-expressions.js';

const FOLDER = 'deploy/prometheus';
const CASES = ['rules.test.yaml', 'rules-hours.test.yaml'];
const rulesFile = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.union([
          z.strictObject({ record: z.string(), expr: z.string() }),
          z.strictObject({
            alert: z.string().regex(/^Bailiwick[A-Za-z]+$/),
            expr: z.string(),
            for: z
              .string()
              .regex(/^\d+m$/)
              .optional(),
            labels: z.strictObject({ severity: z.enum(['critical', 'warning']) }),
            annotations: z.strictObject({
              summary: z.string().min(10),
              description: z.string().min(10),
              runbook_url: z.string(),
            }),
          }),
        ]),
      ),
    }),
  ),
});
const casesFile = z.object({
  tests: z.array(
    z.object({
      alert_rule_test: z.array(z.object({ alertname: z.string(), exp_alerts: z.array(z.unknown()) })),
    }),
  ),
});

const rules = ['recording', 'alerts'].flatMap((name) =>
  rulesFile.parse(parse(readText(`${FOLDER}/rules/${name}.yaml`))).groups.flatMap((group) => group.rules),
);
const alerts = rules.filter((rule) => 'alert' in rule);
const recorded = rules.filter((rule) => 'record' in rule).map((rule) => rule.record);
const known = knownMetrics(readText('tests/tidy/metrics.golden.txt'), recorded);

test('every rule names metrics and labels of the golden list', () => {
  expect(alerts.length).toBeGreaterThan(12);
  const breaches = rules.flatMap((rule) =>
    expressionBreaches(rule.expr, known).map((breach) => `${'alert' in rule ? rule.alert : rule.record}: ${breach}`),
  );
  expect(breaches).toEqual([]);
});

test('every alert has its runbook, and every runbook its alert', () => {
  const runbooks = projectFiles().filter((path) => path.startsWith('docs/runbooks/') && !path.endsWith('/README.md'));
  expect(alerts.map(({ annotations }) => annotations.runbook_url).sort()).toEqual(runbooks);
  expect(alerts.filter(({ alert, annotations }) => annotations.runbook_url !== `docs/runbooks/${alert}.md`)).toEqual(
    [],
  );
});

test('every alert waits out a blip; what is never a blip is named here', () => {
  expect(alerts.filter((alert) => alert.for === undefined).map(({ alert }) => alert)).toEqual([
    'BailiwickEmergencyImpersonation',
    'BailiwickEmergencyAccess',
  ]);
});

test('every alert has a case that fires and one that does not', () => {
  const cases = CASES.flatMap((name) => casesFile.parse(parse(readText(`${FOLDER}/${name}`))).tests).flatMap(
    (each) => each.alert_rule_test,
  );
  const kinds = cases.map(
    ({ alertname, exp_alerts }) => `${alertname} ${exp_alerts.length > 0 ? 'fires' : 'is quiet'}`,
  );
  expect(kinds.sort()).toEqual(alerts.flatMap(({ alert }) => [`${alert} fires`, `${alert} is quiet`]).sort());
});

test('promtool reads the rules and plays their cases, where it is on the PATH', () => {
  const run = (...args: string[]) =>
    spawnSync('promtool', args, { cwd: join(ROOT, FOLDER), encoding: 'utf8', timeout: 110_000 });
  const checked = run('check', 'rules', 'rules/recording.yaml', 'rules/alerts.yaml');
  if (checked.error !== undefined) {
    process.stderr.write('NOT CHECKED: `promtool test rules` was not run, because promtool is not on the PATH\n');
    return;
  }
  expect(checked.stdout + checked.stderr).toContain('SUCCESS');
  expect(checked.status).toBe(0);
  const played = run('test', 'rules', ...CASES);
  expect(played.stdout + played.stderr).toContain('SUCCESS');
  expect(played.status).toBe(0);
}, 120_000);

describe('a rule sees', () => {
  const few = knownMetrics('bailiwick_a_total counter kind\nbailiwick_b_seconds histogram outcome\n', ['job:c:rate5m']);
  test.each<{ what: string; expression: string; breaches: string[] }>([
    {
      what: 'nothing to say',
      expression:
        'sum by (job, kind) (rate(bailiwick_a_total{kind=~"x|y_z"}[5m])) > 0.5e1 and on (job) job:c:rate5m offset 5m',
      breaches: [],
    },
    {
      what: 'no fault in a histogram',
      expression:
        'histogram_quantile(0.9, sum by (le) (rate(bailiwick_b_seconds_bucket{outcome="x"}[$__rate_interval])))',
      breaches: [],
    },
    {
      what: 'a metric of nobody',
      expression: 'rate(bailiwick_x_total[5m])',
      breaches: ['no metric `bailiwick_x_total`'],
    },
    {
      what: 'a histogram without its part',
      expression: 'bailiwick_b_seconds',
      breaches: ['no metric `bailiwick_b_seconds`'],
    },
    {
      what: 'a label of nobody',
      expression: 'bailiwick_a_total{tenant="x"}',
      breaches: ['`bailiwick_a_total` has no label `tenant`'],
    },
    {
      what: 'a grouping by what nobody has',
      expression: 'sum by (tenant) (bailiwick_a_total)',
      breaches: ['nothing there has a label `tenant`'],
    },
  ])('$what', ({ expression, breaches }) => {
    expect(expressionBreaches(expression, few)).toEqual(breaches);
  });
});

/** Dashboards show what is exported: every panel's expressions, unit, source and links to runbooks. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

import { projectFiles, readText } from './support/files.js';
import { ROOT } from './support/planted-tree.js';
import { expressionBreaches, knownMetrics } from './support/prom-expressions.js';

const source = z.object({ type: z.literal('prometheus'), uid: z.literal('${datasource}') });
const dashboard = z.object({
  uid: z.string().regex(/^bailiwick-[a-z]+$/),
  title: z.string().startsWith('Bailiwick / '),
  templating: z.object({ list: z.array(z.object({ name: z.string() })) }),
  panels: z.array(
    z.object({
      title: z.string(),
      datasource: source,
      fieldConfig: z.object({ defaults: z.object({ unit: z.string().min(1) }) }),
      links: z.array(z.object({ url: z.string() })),
      targets: z.array(z.object({ refId: z.string(), expr: z.string(), datasource: source })).min(1),
    }),
  ),
});
const recording = z.object({ groups: z.array(z.object({ rules: z.array(z.object({ record: z.string() })) })) });

const recorded = recording
  .parse(parse(readText('deploy/prometheus/rules/recording.yaml')))
  .groups.flatMap(({ rules }) => rules.map(({ record }) => record));
const golden = readText('tests/tidy/metrics.golden.txt');
const files = projectFiles().filter((path) => /^deploy\/grafana\/dashboards\/.*\.json$/.test(path));
const dashboards = files.map((path) => ({ path, ...dashboard.parse(JSON.parse(readText(path))) }));
const panels = dashboards.flatMap(({ path, panels }) =>
  panels.map((panel) => ({ ...panel, at: `${path}: ${panel.title}` })),
);

test('there are five, each with a name of its own and the variables that its panels use', () => {
  expect(dashboards).toHaveLength(5);
  expect(new Set(dashboards.map(({ uid }) => uid)).size).toBe(5);
  for (const { templating } of dashboards) {
    expect(templating.list.map(({ name }) => name)).toEqual(['datasource', 'job', 'runbooks']);
  }
});

test('every expression names metrics and labels of the golden list', () => {
  const known = knownMetrics(golden, recorded);
  const breaches = panels.flatMap(({ at, targets }) =>
    targets.flatMap(({ expr }) => expressionBreaches(expr, known).map((breach) => `${at}: ${breach}`)),
  );
  expect(breaches).toEqual([]);
});

test('every metric of ours is shown somewhere', () => {
  const shown = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)).join('\n');
  const names = golden
    .trim()
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '');
  expect(names.filter((name) => !shown.includes(name))).toEqual([]);
});

test('every link leads to a runbook that is there', () => {
  const links = panels.flatMap((panel) => panel.links.map(({ url }) => ({ at: panel.at, url })));
  expect(links.length).toBeGreaterThan(20);
  const runbookOf = (url: string): string => url.replace('${runbooks}', 'docs/runbooks');
  expect(links.filter(({ url }) => !existsSync(join(ROOT, runbookOf(url))))).toEqual([]);
});

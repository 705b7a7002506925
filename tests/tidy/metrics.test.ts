/**
 * Names, types and labels of metrics are an interface: dashboards and alerts are written against them. The golden list
 * makes each change of it a line in a diff; `UPDATE_GOLDEN=1` writes it anew.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';

import { readText } from './support/files.js';
import { measureService } from './support/measured.js';
import type { MeasuredMetric } from './support/measured.js';
import { metricBreaches } from './support/metric-rules.js';
import { ROOT } from './support/planted-tree.js';

const GOLDEN = 'tests/tidy/metrics.golden.txt';

let metrics: MeasuredMetric[] = [];
let text = '';
beforeAll(async () => {
  ({ metrics, text } = await measureService());
});

test('names, types and labels are those of the golden list', () => {
  const own = metrics.filter(({ name }) => name.startsWith('bailiwick_'));
  const wanted = own.map(({ name, type, labels }) => `${[name, type, ...labels].join(' ')}\n`).join('');
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(join(ROOT, GOLDEN), wanted);
  expect(readText(GOLDEN)).toBe(wanted);
});

test('what is not ours is what Node’s process says of itself, event loop included', () => {
  const others = metrics.map(({ name }) => name).filter((name) => !name.startsWith('bailiwick_'));
  expect(others.filter((name) => !/^(process|nodejs)_/.test(name))).toEqual([]);
  expect(others).toContain('nodejs_eventloop_lag_p99_seconds');
});

test('no label could hold an id', () => {
  const labels = new Set(metrics.flatMap((metric) => metric.labels));
  expect(
    [...labels].filter((label) => /(^|_)(id|tenant|user|subject|actor|object|path|request)(_|$)/.test(label)),
  ).toEqual([]);
});

test('a scrape names every metric and follows the naming rules of Prometheus', () => {
  const typed = [...text.matchAll(/^# TYPE (\S+) /gm)].map((match) => match[1]);
  expect(metrics.filter(({ name }) => !typed.includes(name))).toEqual([]);
  expect(metricBreaches(text)).toEqual([]);
});

test('a counter that an alert looks at stands in the first scrape: `increase` would not see what begins later', () => {
  const counters = new Set(readText('deploy/prometheus/rules/alerts.yaml').match(/\bbailiwick_\w+_total\b/g));
  expect(counters.size).toBeGreaterThan(3);
  const absent = [...counters].filter((name) => !text.split('\n').some((line) => /^\w+/.exec(line)?.[0] === name));
  expect(absent).toEqual([]);
});

test('promtool has nothing to say of a scrape, where it is on the PATH', () => {
  const { error, status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
    input: text,
    encoding: 'utf8',
  });
  if (error !== undefined) {
    process.stderr.write('NOT CHECKED: `promtool check metrics` was not run, because promtool is not on the PATH\n');
    return;
  }
  expect(stdout + stderr).toBe('');
  expect(status).toBe(0);
});

describe('a rule sees', () => {
  test.each<{ what: string; type: string; name: string; help?: string; breach: RegExp }>([
    { what: 'a metric without help', type: 'gauge', name: 'a', help: '', breach: /has no help/ },
    { what: 'a counter without its ending', type: 'counter', name: 'a_rows', breach: /`_total`/ },
    { what: 'a gauge that poses as a counter', type: 'gauge', name: 'a_total', breach: /`_total`/ },
    { what: 'a gauge that poses as a part of a histogram', type: 'gauge', name: 'a_count', breach: /histogram’s part/ },
    { what: 'a histogram of no unit', type: 'histogram', name: 'a_duration', breach: /without a base unit/ },
    { what: 'milliseconds', type: 'gauge', name: 'a_ms', breach: /base unit/ },
    { what: 'capitals', type: 'gauge', name: 'aB', breach: /snake case/ },
    { what: 'a type in the name', type: 'gauge', name: 'a_gauge', breach: /names its type/ },
  ])('$what', ({ type, name, help = 'Something.', breach }) => {
    expect(metricBreaches(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`)).toEqual([expect.stringMatching(breach)]);
  });
});

import prom from 'prom-client';
import { expect, test } from 'vitest';

import { createMetrics } from '../../src/platform/metrics.js';
import type { Gauge } from '../../src/platform/metrics.js';

const VALUES = [0, 0.0005, 0.001, 0.0010001, 0.3, 9.99, 10, 11, 500];
const BUCKETS = [0.001, 0.25, 10];

test('a histogram says what prom-client’s own would say', async () => {
  const registry = new prom.Registry();
  const theirs = new prom.Histogram({
    ...{ name: 'bailiwick_x_seconds', help: 'X.', labelNames: ['kind', 'of'], buckets: BUCKETS, registers: [registry] },
  });
  const metrics = createMetrics();
  const ours = metrics.histogram({ name: 'x_seconds', help: 'X.', labels: ['kind', 'of'], buckets: BUCKETS });
  const bound = ours.series({ kind: 'a', of: 'b' });
  for (const [index, value] of VALUES.entries()) {
    theirs.observe({ kind: 'a', of: 'b' }, value);
    theirs.observe({ of: 'c', kind: 'd' }, value);
    if (index % 2 === 0) bound.observe(value);
    else ours.observe({ of: 'b', kind: 'a' }, value);
    ours.observe({ of: 'c', kind: 'd' }, value);
  }
  const lines = (text: string): string[] =>
    text.split('\n').filter((line) => line.includes('bailiwick_x')).map((line) => line.replace(/\{(.*)\}/, (_, labels: string) => `{${labels.split(',').sort().join(',')}}`)).sort(); // prettier-ignore
  const wanted = lines(await registry.metrics());
  expect(wanted.length).toBeGreaterThan(10);
  expect(lines((await metrics.render()).body)).toEqual(wanted);
});

test('a series of a counter and the counter itself count together, once', async () => {
  const metrics = createMetrics();
  const counter = metrics.counter({ name: 'y_total', help: 'Y.', labels: ['kind'] });
  const series = counter.series({ kind: 'a' });
  series.inc();
  series.inc();
  counter.inc({ kind: 'a' });
  const lineOf = async (): Promise<string | undefined> =>
    (await metrics.render()).body.split('\n').find((line) => line.startsWith('bailiwick_y_total{'));
  expect(await lineOf()).toBe('bailiwick_y_total{kind="a"} 3');
  expect(await lineOf()).toBe('bailiwick_y_total{kind="a"} 3');
});

test('a gauge that was reset and not set is absent, whether or not it has labels', async () => {
  const metrics = createMetrics();
  const value = { now: 7 as number | undefined };
  const collect =
    <L extends string>(labels: Record<L, string>) =>
    (gauge: Gauge<L>): void => {
      gauge.reset();
      if (value.now !== undefined) gauge.set(labels, value.now);
    };
  metrics.gauge({ name: 'plain', help: 'G.', collect: collect({}) });
  metrics.gauge({ name: 'labelled', help: 'G.', labels: ['kind'], collect: collect({ kind: 'a' }) });
  const lines = async (): Promise<string[]> =>
    (await metrics.render()).body.split('\n').filter((line) => /^bailiwick_(plain|labelled)/.test(line));
  expect(await lines()).toEqual(['bailiwick_plain 7', 'bailiwick_labelled{kind="a"} 7']);
  value.now = undefined;
  expect(await lines()).toEqual([]);
});

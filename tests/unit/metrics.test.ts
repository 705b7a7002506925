import prom from 'prom-client';
import { describe, expect, test } from 'vitest';

import { createMetrics } from '../../src/platform/metrics.js';
import type { Gauge, Metrics, MetricsForm } from '../../src/platform/metrics.js';

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

describe('OpenMetrics', () => {
  const TRACES = ['a', 'b', 'c'].map((letter) => letter.repeat(32));
  const [first = '', second = '', third = ''] = TRACES;

  function measured() {
    const metrics = createMetrics();
    const seconds = metrics.histogram({ name: 'x_seconds', help: 'X.', labels: ['kind'], buckets: [0.001, 1, 10] });
    const calls = metrics.counter({ name: 'y_total', help: 'Y.', labels: ['kind'] });
    return { metrics, seconds, calls };
  }

  const linesOf = async (metrics: Metrics, form: MetricsForm, name: string): Promise<string[]> =>
    (await metrics.render(form)).body.split('\n').filter((line) => line.includes(name));

  test('the last value of a bucket that came with a trace stands beside it, and every one of them in its own', async () => {
    const { metrics, seconds } = measured();
    const series = seconds.series({ kind: 'k' });
    const before = Date.now() / 1_000;
    series.observe(0.5, first);
    series.observe(0.25, second);
    series.observe(0.75);
    seconds.observe({ kind: 'k' }, 11, third);
    const lines = await linesOf(metrics, 'OpenMetrics', 'bailiwick_x_seconds_bucket');
    const timeOf = (line = ''): number => Number(line.split(' ').at(-1));
    expect(lines.map((line) => line.replace(/ [\d.]+$/, ''))).toEqual([
      'bailiwick_x_seconds_bucket{le="0.001",kind="k"}',
      `bailiwick_x_seconds_bucket{le="1.0",kind="k"} 3 # {trace_id="${second}"} 0.25`,
      'bailiwick_x_seconds_bucket{le="10.0",kind="k"}',
      `bailiwick_x_seconds_bucket{le="+Inf",kind="k"} 4 # {trace_id="${third}"} 11`,
    ]);
    for (const line of [lines[1], lines[3]]) {
      expect(timeOf(line)).toBeGreaterThanOrEqual(before);
      expect(timeOf(line)).toBeLessThanOrEqual(Date.now() / 1_000);
    }
  });

  test('the plain text knows nothing of traces, before and after a scrape in the other form', async () => {
    const [traced, plain] = [measured(), measured()];
    for (const { seconds, calls } of [traced, plain]) {
      calls.inc({ kind: 'k' });
      seconds.observe({ kind: 'k' }, 0.5, seconds === traced.seconds ? first : undefined);
    }
    const own = (metrics: Metrics): Promise<string[]> => linesOf(metrics, 'text', 'bailiwick_');
    const wanted = await own(plain.metrics);
    expect(wanted).toContain('bailiwick_y_total{kind="k"} 1');
    expect(wanted).toContain('bailiwick_x_seconds_bucket{le="1",kind="k"} 1');
    expect(await own(traced.metrics)).toEqual(wanted);
    await traced.metrics.render('OpenMetrics');
    expect(await own(traced.metrics)).toEqual(wanted);
  });

  test('a counter keeps its name, its family drops the ending, and the scrape says where it ends', async () => {
    const { metrics, calls } = measured();
    calls.inc({ kind: 'k' });
    const { contentType, body } = await metrics.render('OpenMetrics');
    expect(contentType).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(body).toContain('# TYPE bailiwick_y counter\nbailiwick_y_total{kind="k"} 1\n');
    expect(body).toMatch(/\n# EOF\n$/);
    expect(body).not.toMatch(/\n\n/);
    expect(body).toMatch(/^process_cpu_seconds_total \d/m);
  });
});

/**
 * Metrics: with open-metrics.ts the one file that knows prom-client.
 *
 * Each metric is declared in the file that moves it, through the factories here: they add the prefix `bailiwick_` and
 * keep everything in one registry that is passed about, never in prom-client's global one. Labels come from closed
 * sets: an id of a tenant, user or object as a label would make a series for each.
 */
import prom from 'prom-client';

import { Histogram as OwnHistogram, type Series } from './histogram.js';
import { renderOpenMetrics } from './open-metrics.js';

export type Labels<L extends string> = Readonly<Record<L, string>>;

/** What a metric is called (without the prefix), what it says, and the names of its labels. */
export interface MetricSpec<L extends string> {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly L[];
}

export interface Counter<L extends string> {
  inc(labels: Labels<L>, by?: number): void;
  /** The series of these labels, for where one is counted with every request. */
  series(labels: Labels<L>): { inc(): void };
}

export interface Gauge<L extends string> {
  set(labels: Labels<L>, value: number): void;
  /** Forgets every series, for gauges that are set anew by each scrape. */
  reset(): void;
}

export interface Histogram<L extends string> {
  /** `traceId` names a trace in which the value can be seen to come about. */
  observe(labels: Labels<L>, value: number, traceId?: string): void;
  /** The series of these labels, for where one is observed with every request. */
  series(labels: Labels<L>): Series;
}

export interface Metrics {
  /**
   * `known` series stand at 0 from the start: `increase` and `rate` do not see the first of a series that begins with it,
   * so an alert needs them.
   */
  counter<L extends string = never>(spec: MetricSpec<L> & { readonly known?: readonly Labels<L>[] }): Counter<L>;
  /** `collect` runs at each scrape and sets the gauge to what holds then; it must not wait on anything remote. */
  gauge<L extends string = never>(
    spec: MetricSpec<L> & { readonly collect?: (gauge: Gauge<L>) => void | Promise<void> },
  ): Gauge<L>;
  /** `buckets` are upper bounds in the metric's own unit; the default is made for seconds of a request. */
  histogram<L extends string = never>(spec: MetricSpec<L> & { readonly buckets?: readonly number[] }): Histogram<L>;
  /** Everything, with its media type: in the text form of Prometheus, or in OpenMetrics, which alone has exemplars. */
  render(form?: MetricsForm): Promise<{ readonly contentType: string; readonly body: string }>;
}

export type MetricsForm = 'text' | 'OpenMetrics';

const PREFIX = 'bailiwick_';

const REQUEST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** prom-client's own gauges whose names end in `_total`, which `promtool check metrics` refuses. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** A registry of its own, with Node's process metrics in it. */
export function createMetrics(): Metrics {
  const registry = new prom.Registry();
  prom.collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);

  const configuration = <L extends string>(spec: MetricSpec<L>) => ({
    name: `${PREFIX}${spec.name}`,
    help: spec.help,
    labelNames: spec.labels ?? [],
    registers: [registry],
  });
  return {
    counter: <L extends string>(spec: MetricSpec<L> & { readonly known?: readonly Labels<L>[] }) => {
      const flushes: (() => void)[] = [];
      const collect = (): void => flushes.forEach((flush) => flush());
      const counter: prom.Counter<L> = new prom.Counter<L>({ ...configuration(spec), collect });
      for (const labels of spec.known ?? []) counter.inc(labels, 0);
      return {
        inc: (labels: Labels<L>, by = 1) => counter.inc(labels, by),
        series: (labels: Labels<L>) => {
          let counted = 0;
          flushes.push(() => {
            if (counted > 0) counter.inc(labels, counted);
            counted = 0;
          });
          return { inc: () => (counted += 1) };
        },
      };
    },
    gauge: <L extends string>(
      spec: MetricSpec<L> & { readonly collect?: (gauge: Gauge<L>) => void | Promise<void> },
    ) => {
      const { collect } = spec;
      const gauge = new prom.Gauge<L>({
        ...configuration(spec),
        ...(collect === undefined ? {} : { collect: () => collect(handle) }),
      });
      // `reset` of a gauge without labels says 0, which is a value, and not that there is none.
      const reset = (): void => (spec.labels === undefined ? gauge.remove() : gauge.reset());
      const handle: Gauge<L> = { set: (labels, value) => gauge.set(labels, value), reset };
      return handle;
    },
    histogram: (spec) => {
      const { registers, ...named } = configuration(spec);
      const histogram = new OwnHistogram({ ...named, buckets: spec.buckets ?? REQUEST_SECONDS });
      // The registry asks of a metric its name and what `get` resolves to, whatever class it is of.
      for (const each of registers) each.registerMetric(histogram as unknown as prom.Histogram);
      return {
        observe: (labels, value, traceId) => histogram.series(labels).observe(value, traceId),
        series: (labels) => histogram.series(labels),
      };
    },
    render: async (form) =>
      form === 'OpenMetrics'
        ? await renderOpenMetrics(registry)
        : { contentType: registry.contentType, body: await registry.metrics() },
  };
}

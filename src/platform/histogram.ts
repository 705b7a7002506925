/**
 * A histogram for prom-client's registry, in place of its own, which sorts and joins the labels of every observation.
 *
 * A series is found once and then observed by itself: what a request on the short road costs is a search of a dozen
 * bounds. tests/unit/metrics.test.ts compares its text with that of prom-client. Of each bucket the last value that came
 * with a trace is kept, for the scrapes that can show it (open-metrics.ts).
 */

/** Values of one set of labels. */
export interface Series {
  /** `traceId` names a trace in which the value can be seen to come about. */
  observe(value: number, traceId?: string): void;
}

/** As prom-client's registry writes it. */
interface Exemplar {
  readonly labelSet: { readonly trace_id: string };
  readonly value: number;
  /** Seconds since 1970. */
  readonly timestamp: number;
}

interface Kept extends Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly counts: readonly number[];
  /** By bucket, the one above all bounds last. */
  readonly exemplars: readonly (Exemplar | undefined)[];
  readonly total: () => { readonly count: number; readonly sum: number };
}

/** The class's name is its type in a scrape. */
export class Histogram {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly type = 'histogram';
  readonly aggregator = 'sum';
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, Kept>();

  constructor({ name, help, labelNames, buckets }: HistogramSpec) {
    this.name = name;
    this.help = help;
    this.labelNames = labelNames;
    this.#bounds = [...buckets].sort((a, b) => a - b);
  }

  /** The series of these labels, made at its first use. */
  series(labels: Readonly<Record<string, string>>): Series {
    const key = this.labelNames.map((name) => labels[name] ?? '').join('\n');
    const found = this.#series.get(key);
    if (found !== undefined) return found;
    const made = newSeries(labels, this.#bounds);
    this.#series.set(key, made);
    return made;
  }

  /** What the registry turns into text. */
  get(): Promise<object> {
    const { name, help, type, aggregator } = this;
    const values = [...this.#series.values()].flatMap((series) => this.#valuesOf(series));
    return Promise.resolve({ name, help, type, aggregator, values });
  }

  reset(): void {
    this.#series.clear();
  }

  #valuesOf({ labels, counts, exemplars, total }: Kept): object[] {
    const { count, sum } = total();
    const metricName = `${this.name}_bucket`;
    let below = 0;
    const buckets = this.#bounds.map((bound, index) => {
      below += counts[index] ?? 0;
      return { labels: { le: bound, ...labels }, value: below, metricName, exemplar: exemplars[index] };
    });
    const exemplar = exemplars[this.#bounds.length];
    return [
      ...buckets,
      { labels: { le: '+Inf', ...labels }, value: count, metricName, exemplar },
      { labels, value: sum, metricName: `${this.name}_sum` },
      { labels, value: count, metricName: `${this.name}_count` },
    ];
  }
}

export interface HistogramSpec {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  /** Upper bounds. */
  readonly buckets: readonly number[];
}

function newSeries(labels: Readonly<Record<string, string>>, bounds: readonly number[]): Kept {
  const counts = bounds.map(() => 0);
  const exemplars: (Exemplar | undefined)[] = [];
  let count = 0;
  let sum = 0;
  return {
    labels,
    counts,
    exemplars,
    total: () => ({ count, sum }),
    observe(value, traceId) {
      count += 1;
      sum += value;
      let at = 0;
      while (at < bounds.length && value > (bounds[at] ?? Infinity)) at += 1;
      if (at < counts.length) counts[at] = (counts[at] ?? 0) + 1;
      if (traceId !== undefined)
        exemplars[at] = { labelSet: { trace_id: traceId }, value, timestamp: Date.now() / 1_000 };
    },
  };
}

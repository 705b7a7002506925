/**
 * A scrape in the OpenMetrics form: the same metrics, with exemplars.
 *
 * prom-client's registry can write it, but renames the counters that it writes, for good, and the plain form would lose
 * them. So a registry of its own is made for each scrape, of copies.
 */
import prom from 'prom-client';

/** Everything in `registry`, with its media type. */
export async function renderOpenMetrics(registry: prom.Registry): Promise<{ contentType: string; body: string }> {
  const scrape = new prom.Registry<prom.OpenMetricsContentType>();
  scrape.setContentType(prom.openMetricsContentType);
  for (const metric of await registry.getMetricsAsJSON()) {
    // The types have an enumeration where prom-client has words.
    const isCounter = (metric.type as unknown) === 'counter';
    const copy = {
      ...metric,
      name: isCounter ? metric.name.replace(/_total$/, '') : metric.name,
      values: metric.values.map((value) => ({ ...value, labels: inOneSpelling(value.labels) })),
    };
    // The registry asks of a metric its name and type, and what `get` resolves to, whatever class it is of.
    scrape.registerMetric({ ...copy, get: () => Promise.resolve(copy) } as unknown as prom.Metric);
  }
  return { contentType: scrape.contentType, body: await scrape.metrics() };
}

/** A bound is a text here, and two spellings of one would be two series: OpenMetrics has `1.0`. */
function inOneSpelling(labels: Partial<Record<string, string | number>>): Partial<Record<string, string | number>> {
  const { le } = labels;
  return typeof le === 'number' && Number.isInteger(le) ? { ...labels, le: le.toFixed(1) } : labels;
}

/**
 * Every metric of the composed service, which is put together and never started: nothing listens, and the addresses
 * lead to where nobody answers. prom-client's registry is caught at its making, since the names of labels cannot be
 * read from the text of a metric that has no series yet.
 */
import { pino } from 'pino';
import prom from 'prom-client';
import { vi } from 'vitest';

import { compose } from '../../../src/compose.js';
import { readConfig } from '../../../src/config.js';

export interface MeasuredMetric {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly help: string;
}

/** Port 1 of this machine: a connection is refused at once. */
const ENVIRONMENT = {
  DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing',
  BAILIWICK_OPENFGA_URL: 'http://127.0.0.1:1',
  BAILIWICK_OPENFGA_STORE_ID: '0'.repeat(26),
  BAILIWICK_ISSUER: 'https://bailiwick.example',
  BAILIWICK_AUDIENCE: 'bailiwick',
  BAILIWICK_SIGNING_SECRET: 'x'.repeat(32),
  BAILIWICK_LOG_LEVEL: 'silent',
};

/** The service's metrics by name, and the text that Prometheus would be given. */
export async function measureService(): Promise<{ metrics: MeasuredMetric[]; text: string }> {
  const registering = vi.spyOn(prom.Registry.prototype, 'registerMetric');
  try {
    const service = compose(readConfig(ENVIRONMENT), pino({ level: 'silent' }));
    const registry = registering.mock.contexts.find((context: unknown) => context instanceof prom.Registry);
    if (registry === undefined) throw new Error('the service registers no metric');
    const metrics = registry.getMetricsAsArray().map(describeMetric);
    const text = await service.metricsText();
    await service.stop();
    return { metrics: metrics.sort((a, b) => (a.name < b.name ? -1 : 1)), text };
  } finally {
    registering.mockRestore();
  }
}

/** What prom-client keeps of a metric, which its types do not tell. */
function describeMetric(metric: object): MeasuredMetric {
  const { name, help, labelNames } = metric as { name: string; help: string; labelNames: readonly string[] };
  return { name, type: metric.constructor.name.toLowerCase(), labels: [...labelNames].sort(), help };
}

import type { MetricsForm } from '../platform/metrics.js';

/** The form that a scraper prefers, of the two that there are, by its `accept`. */
export function metricsFormOf(accept = ''): MetricsForm {
  const openMetrics = weightIn(accept, /^application\/openmetrics-text(?!.*;version=(?!1\.))(;|$)/);
  return openMetrics > 0 && openMetrics >= weightIn(accept, /^text\/plain(;|$)/) ? 'OpenMetrics' : 'text';
}

/** The greatest weight of the entries that match; 0 where none does. */
function weightIn(accept: string, type: RegExp): number {
  const entries = accept.toLowerCase().replaceAll(/[\s"]/g, '').split(',');
  return Math.max(0, ...entries.filter((entry) => type.test(entry)).map(weightOf));
}

function weightOf(entry: string): number {
  const [, weight = '1'] = /;q=([^;]*)/.exec(entry) ?? [];
  return Number(weight) || 0;
}

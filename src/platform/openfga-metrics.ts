/** What the engine's calls cost, as seen from here. */
import type { Metrics } from './metrics.js';
import type { EngineRequest } from './engine-call.js';

/** An `observe` for createTupleStore that feeds `bailiwick_engine_request_duration_seconds`. */
export function observeEngine(metrics: Metrics): (request: EngineRequest) => void {
  const seconds = metrics.histogram({
    name: 'engine_request_duration_seconds',
    help: 'Duration of requests to the decision engine.',
    labels: ['method', 'outcome'],
  });
  return ({ method, outcome, seconds: value }) => seconds.observe({ method, outcome }, value);
}

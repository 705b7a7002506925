import { Worker } from 'node:worker_threads';

/**
 * Starts a thread from a file of workers/, with nothing preloaded: what an operator has the process preload (`--import`,
 * `NODE_OPTIONS`: an OpenTelemetry SDK) would otherwise start a second time in it.
 */
export function startThread(program: URL, workerData?: unknown): Worker {
  return new Worker(program, { workerData, execArgv: [], env: { ...process.env, NODE_OPTIONS: '' } });
}

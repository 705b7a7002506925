/**
 * The management port on a thread of its own (workers/management-worker.js): liveness is answered however much the event
 * loop of the service has to do, everything else by that loop, as `answer` says.
 *
 * The thread is told every second that the loop comes round; an orchestrator that asks after it restarts a process that
 * stands still, and leaves one alone that is merely busy. tests/contract/management.test.ts.
 */
import type { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';

import { startThread } from '../platform/thread.js';
import type { Part } from '../shared/part.js';
import type { AnswerManagement, ManagementQuestion } from './management.js';
import { DEFAULT_LIMITS, serverOptionsOf } from './server.js';

const PROGRAM = new URL('../../workers/management-worker.js', import.meta.url);
const BEAT_MS = 1_000;
const DEAD_AFTER_MS = 10_000;

export interface ManagementThreadOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly answer: AnswerManagement;
  readonly log: Logger;
  /** How long the service's event loop may stand still before it does not live, in milliseconds. */
  readonly deadAfterMs?: number;
}

export interface ManagementServer extends Part {
  /** Where it listens; throws before it does. */
  address(): Address;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

/** What the thread says. */
type Said =
  | { readonly listens: { readonly address: string; readonly port: number } }
  /** The fields of Node's own error. */
  | { readonly failed: { readonly message: string } }
  | { readonly id: number; readonly question: ManagementQuestion };

/** Makes the part. `start` rejects with Node's error where the port cannot be had. */
export function createManagementThread(options: ManagementThreadOptions): ManagementServer {
  const { host, port, answer, log, deadAfterMs = DEAD_AFTER_MS } = options;
  const lastBeat = new BigInt64Array(new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT));
  const beat = (): unknown => Atomics.store(lastBeat, 0, process.hrtime.bigint());
  let thread: Worker | undefined;
  let listens: Address | undefined;
  let beating: NodeJS.Timeout | undefined;
  return {
    name: 'management port',
    address: () => {
      if (listens === undefined) throw new Error('the management port does not listen');
      return listens;
    },
    async start() {
      beat();
      beating = setInterval(beat, BEAT_MS);
      const { silenceMs, maxConnections } = DEFAULT_LIMITS;
      const serverOptions = serverOptionsOf(DEFAULT_LIMITS);
      const started = startThread(PROGRAM, {
        host,
        port,
        lastBeat,
        serverOptions,
        silenceMs,
        maxConnections,
        deadAfterMs,
      });
      thread = started;
      listens = await listening(started, answer);
      started.on('error', (error) => log.error({ err: error }, 'the thread of the management port has died'));
      log.info({ address: listens }, 'management port listens');
    },
    async stop() {
      clearInterval(beating);
      await thread?.terminate();
    },
  };
}

/** Answers what the thread passes on, and resolves to where it listens. */
function listening(thread: Worker, answer: AnswerManagement): Promise<Address> {
  return new Promise((resolve, reject) => {
    thread.once('error', reject);
    thread.on('message', (said: Said) => {
      if ('listens' in said) resolve({ host: said.listens.address, port: said.listens.port });
      else if ('failed' in said) reject(Object.assign(new Error(said.failed.message), said.failed));
      else {
        const { id, question } = said;
        void answer(question).then((answered) => thread.postMessage({ id, answer: answered }));
      }
    });
  });
}

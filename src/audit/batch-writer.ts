/**
 * Entries on their way to Postgres, many to a transaction, one transaction at a time.
 *
 * Entries that somebody waits for go at once, or with the next batch while one is under way (group commit); the others
 * wait for company. A failed batch refuses those that somebody waits for, keeps the others, and backs off.
 *
 * INVARIANT: an entry leaves when it is committed, when whoever waits for it has been refused, or when Postgres has
 * refused it alone in a batch, several times; and in no other way. tests/integration/decision-log.test.ts.
 */
import { setTimeout as setTimeoutPromise } from 'node:timers/promises';

import { Problem } from '../shared/problem.js';

/** Tells whoever waits: written, or why not. */
export type Settle = (failure?: unknown) => void;

export interface BatchWriterOptions<T> {
  /** Writes all or nothing; may be called again with entries that were written after all. */
  readonly write: (entries: readonly T[]) => Promise<void>;
  /** The most entries of one batch. */
  readonly batchMax: number;
  /** How many entries do not wait for more company. */
  readonly urgentAt: number;
  /** How long an entry that nobody waits for waits for company, in milliseconds. */
  readonly gatherMs: number;
  /** Hears of entries that have left, and of failures. */
  readonly onWritten: (count: number) => void;
  readonly onRefused: (count: number) => void;
  readonly onFailure: (error: unknown) => void;
}

interface Waiting<T> {
  readonly entry: T;
  readonly settle: Settle | undefined;
  /** Times that Postgres has refused the entry while it was alone in its batch. */
  refusals: number;
}

const RETRY_MS = { first: 50, last: 1_000 };
/** So that one entry does not hold up all others for ever. */
const REFUSALS_MAX = 5;

export class BatchWriter<T> {
  readonly #options: BatchWriterOptions<T>;
  #waiting: Waiting<T>[] = [];
  /** How many of them somebody waits for. */
  #awaited = 0;
  #inFlight = 0;
  #underWay: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #batchMax: number;
  #backOffMs = 0;
  #notBefore = 0;

  constructor(options: BatchWriterOptions<T>) {
    this.#options = options;
    this.#batchMax = options.batchMax;
  }

  /** Entries that are not committed. */
  get size(): number {
    return this.#waiting.length + this.#inFlight;
  }

  /** Takes an entry in. `settle` is called once, unless it is undefined: then the entry is kept until it is written. */
  add(entry: T, settle?: Settle): void {
    this.#waiting.push({ entry, settle, refusals: 0 });
    if (settle !== undefined) this.#awaited += 1;
    this.#schedule();
  }

  /** Writes what is there; resolves to how many entries are left when `timeoutMs` have passed. */
  async drain(timeoutMs: number): Promise<number> {
    const endsAt = performance.now() + timeoutMs;
    while (this.size > 0 && performance.now() < endsAt) {
      this.#unschedule();
      // Postgres may hang: the end comes even so
      await Promise.race([this.#underWay ?? this.#begin(), sleep(endsAt - performance.now())]);
      if (this.size > 0) await sleep(Math.min(this.#notBefore, endsAt) - performance.now());
    }
    this.#unschedule();
    return this.size;
  }

  #schedule(): void {
    if (this.#underWay !== undefined || this.#waiting.length === 0) return;
    const { urgentAt, gatherMs } = this.#options;
    const isUrgent = this.#waiting.length >= urgentAt || this.#awaited > 0;
    // Nobody is in a hurry, and the time is set: all that an entry costs on its way in.
    if (!isUrgent && this.#timer !== undefined) return;
    const backOffMs = this.#notBefore - performance.now();
    if (isUrgent && backOffMs <= 0) {
      this.#unschedule();
      void this.#begin();
      return;
    }
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined;
        if (this.#underWay === undefined) void this.#begin();
      },
      Math.max(backOffMs, isUrgent ? 0 : gatherMs),
    );
  }

  #unschedule(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #begin(): Promise<void> {
    this.#underWay = this.#writeBatch().finally(() => {
      this.#underWay = undefined;
      this.#schedule();
    });
    return this.#underWay;
  }

  async #writeBatch(): Promise<void> {
    // What comes in the same turn goes into the same batch.
    await Promise.resolve();
    const batch = this.#waiting.slice(0, this.#batchMax);
    this.#waiting = this.#waiting.slice(batch.length);
    this.#awaited -= batch.filter(({ settle }) => settle !== undefined).length;
    this.#inFlight = batch.length;
    try {
      await this.#options.write(batch.map(({ entry }) => entry));
    } catch (error) {
      this.#inFlight = 0;
      this.#fail(batch, error);
      return;
    }
    this.#inFlight = 0;
    this.#backOffMs = 0;
    this.#batchMax = Math.min(this.#options.batchMax, this.#batchMax * 2);
    this.#options.onWritten(batch.length);
    for (const { settle } of batch) settle?.();
  }

  #fail(batch: readonly Waiting<T>[], error: unknown): void {
    const [first] = batch;
    this.#backOffMs = Math.min(RETRY_MS.last, Math.max(RETRY_MS.first, this.#backOffMs * 2));
    this.#notBefore = performance.now() + this.#backOffMs;
    this.#options.onFailure(error);
    // A Problem says that Postgres is away. Anything else may be one entry's fault: alone it stands out, and the
    // others go through.
    if (!(error instanceof Problem)) {
      if (batch.length === 1 && first !== undefined) first.refusals += 1;
      this.#batchMax = 1;
    }
    for (const { settle } of batch) settle?.(error);
    const left = batch.filter(({ settle, refusals }) => settle === undefined && refusals < REFUSALS_MAX);
    this.#options.onRefused(batch.length - left.length);
    this.#waiting = [...left, ...this.#waiting];
  }
}

/** Does not keep the process alive. */
async function sleep(ms: number): Promise<void> {
  if (ms > 0) await setTimeoutPromise(ms, undefined, { ref: false });
}

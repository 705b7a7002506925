/**
 * argon2id, the one file that knows its package.
 *
 * A hash takes tens of milliseconds of a whole core, on threads of a lower priority and never on the event loop. Few run
 * at a time, so that decisions keep their cores, and few wait: a flood of sign-ins is turned away at the door with a 503,
 * before it costs anything else. INVARIANT: nobody hashes without a place. tests/unit/password-hash.test.ts.
 */
import { availableParallelism } from 'node:os';

import { hash } from '@node-rs/argon2';

import { Problem } from '../shared/problem.js';
import type { Counter, Metrics } from './metrics.js';
import { createPasswordThreads } from './password-threads.js';
import { createSlots } from './slots.js';

/** OWASP's and RFC 9106's second choice: 19 MiB, two passes, one lane. */
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
const PHC_PREFIX = `$argon2id$v=19$m=${PARAMETERS.memoryCost},t=${PARAMETERS.timeCost},p=${PARAMETERS.parallelism}$`;

/** What the password of somebody who is not there is compared with: well-formed, and nobody's. */
const NOBODY = `${PHC_PREFIX}c2FsdC1vZi1uby11c2VyIQ$${'A'.repeat(43)}`;

/** A place in the queue: hashes one after the other, until it is given back. */
export interface HashPlace {
  /** Whether the text is the hash's; undefined takes as long and is false. Rejects with the signal's reason. */
  verify(phc: string | undefined, text: string, signal: AbortSignal): Promise<boolean>;
  hash(text: string, signal: AbortSignal): Promise<string>;
  /** Safe to call twice. */
  release(): void;
}

export interface PasswordHasher {
  /** Takes a place. Throws Problem SIGN_IN_BUSY where too many wait. */
  admit(): HashPlace;
  /** Starts the first thread, which the first sign-in would otherwise wait for. Never rejects. */
  warmUp(): Promise<void>;
}

export interface HasherOptions {
  /** How many run at one time; half of the cores where not said. */
  readonly concurrency?: number;
  /** How many more may wait. */
  readonly queue?: number;
  readonly metrics?: Metrics;
}

export function createPasswordHasher(options: HasherOptions = {}): PasswordHasher {
  const concurrency = options.concurrency ?? Math.max(1, Math.floor(availableParallelism() / 2));
  const places = concurrency + (options.queue ?? 20);
  const slots = createSlots(concurrency);
  const ask = createPasswordThreads();
  const count = options.metrics === undefined ? undefined : countHashes(options.metrics);
  let taken = 0;

  async function run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const free = await slots.take(1, signal);
    const startedAt = performance.now();
    try {
      return await work();
    } finally {
      // Its core rests as long as it was busy, so that what has waited there has had its turn before the next one.
      setTimeout(free, performance.now() - startedAt).unref();
    }
  }
  const hasher: PasswordHasher = {
    async warmUp() {
      const place = hasher.admit();
      // Whoever signs in meets the same failure, and is told of it.
      await place.verify(undefined, '', new AbortController().signal).catch(() => undefined);
      place.release();
    },
    admit() {
      if (taken >= places) {
        count?.inc({ outcome: 'refused' });
        throw new Problem('SIGN_IN_BUSY', 'too many sign-ins at once', { retryAfterSeconds: 2 });
      }
      taken += 1;
      let released = false;
      return {
        verify: (phc, text, signal) =>
          run(async () => {
            count?.inc({ outcome: 'done' });
            // Both run to their end before anything is said.
            const matches = await ask({ phc: phc ?? NOBODY, text });
            return matches === true && phc !== undefined;
          }, signal),
        hash: (text, signal) =>
          run(async () => {
            count?.inc({ outcome: 'done' });
            return String(await ask({ text, parameters: PARAMETERS }));
          }, signal),
        release: () => {
          if (!released) taken -= 1;
          released = true;
        },
      };
    },
  };
  return hasher;
}

/** Hashes a password at once, for a program that does nothing else: a command or the start of the demo. */
export async function hashPassword(text: string): Promise<string> {
  return await hash(text, PARAMETERS);
}

/** Whether a hash was made with other parameters than today's. */
export function needsRehash(phc: string): boolean {
  return !phc.startsWith(PHC_PREFIX);
}

function countHashes(metrics: Metrics): Counter<'outcome'> {
  return metrics.counter({
    name: 'password_hashes_total',
    help: 'Password hashes worked out, and those refused because too many were waiting.',
    labels: ['outcome'],
  });
}

/**
 * Threads for password hashes, at a priority below the rest of the process (workers/password-worker.js).
 *
 * A thread starts when it is first needed, does one thing at a time, keeps no process alive while it does nothing, and
 * is replaced when it dies. Whoever asks takes care that no more ask at once than there may be threads.
 */
import type { Worker } from 'node:worker_threads';

import { startThread } from './thread.js';

const PROGRAM = new URL('../../workers/password-worker.js', import.meta.url);

/** What a thread is asked: whether a text is a hash's, or for the hash of a text. */
export type HashQuestion =
  | { readonly text: string; readonly phc: string }
  | { readonly text: string; readonly parameters: Readonly<Record<string, number>> };

/** Resolves to the thread's answer: a boolean for a `phc`, else the new hash. Rejects when the thread dies of it. */
export type AskHashThread = (question: HashQuestion) => Promise<unknown>;

export function createPasswordThreads(): AskHashThread {
  const idle: Worker[] = [];

  return async (question) => {
    const thread = idle.pop() ?? startThread(PROGRAM);
    thread.ref();
    const answer = await new Promise<unknown>((resolve, reject) => {
      const onAnswer = (value: unknown): void => {
        leave();
        resolve(value);
      };
      const onError = (error: unknown): void => {
        leave();
        reject(error instanceof Error ? error : new Error(String(error)));
      };
      const onExit = (code: number): void => {
        leave();
        reject(new Error(`the thread for password hashes ended with ${String(code)}`));
      };
      const leave = (): void => {
        thread.off('message', onAnswer).off('error', onError).off('exit', onExit);
      };
      thread.on('message', onAnswer).on('error', onError).on('exit', onExit);
      thread.postMessage(question);
    });
    // An idle thread dies only with its process: nothing is asked of it, and it asks nothing of anybody.
    thread.unref();
    idle.push(thread);
    return answer;
  };
}

/**
 * The thread on which passwords are hashed; src/platform/password-hash.ts starts it and asks it one thing at a time.
 *
 * It runs below everything else in the process: where a core is wanted by a decision and by a sign-in, the decision has
 * it. Plain JavaScript, since a thread starts from a file as it stands, built or not.
 */
import { constants, getPriority, setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';

import { hashSync, verifySync } from '@node-rs/argon2';

// On Linux a priority is a thread's own; elsewhere it would be that of the whole process.
if (process.platform === 'linux') {
  const { PRIORITY_BELOW_NORMAL, PRIORITY_LOW } = constants.priority;
  setPriority(Math.min(PRIORITY_LOW, getPriority() + PRIORITY_BELOW_NORMAL));
}

/** @typedef {{ text: string, phc: string } | { text: string, parameters: import('@node-rs/argon2').Options }} Asked */

parentPort?.on('message', (/** @type {Asked} */ asked) => {
  parentPort?.postMessage('phc' in asked ? verifySync(asked.phc, asked.text) : hashSync(asked.text, asked.parameters));
});

import type { TestStack } from './global-stack.js';

/** Placeholder replaced below. */
export function startContainers(): Promise<{ stack: TestStack; stop: () => Promise<void> }> {
  return Promise.reject(new Error('no container engine answers'));
}

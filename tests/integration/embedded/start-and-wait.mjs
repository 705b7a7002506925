/** Starts a stack on the data directory named as the first argument, prints its pids as one line of JSON, and waits. */
import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);
const { startStack } = await import('../../../src/embedded/stack.js');

const stack = await startStack({ dataDir: process.argv[2], durable: false });
process.stdout.write(`${JSON.stringify({ postgres: stack.postgres.pid, engine: stack.engine.pid })}\n`);
setInterval(() => undefined, 60_000);

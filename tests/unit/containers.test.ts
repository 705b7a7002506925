/** Who asks for containers never gets anything else in silence, and gets an engine set as the embedded one is. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { TestProject } from 'vitest/node';

import { createEngineServer } from '../../src/embedded/engine.js';
import type { EngineProgram, EngineSettings } from '../../src/embedded/engine-program.js';
import { startStack } from '../../src/embedded/stack.js';
import { ENGINE_SETTINGS } from '../support/containers.js';
import setup from '../support/global-stack.js';

vi.mock('../../src/embedded/stack.js', () => ({ startStack: vi.fn() }));
vi.mock('testcontainers', () => ({
  GenericContainer: Object,
  getContainerRuntimeClient: () => Promise.reject(new Error('Could not find a working container runtime strategy')),
}));

beforeEach(() => {
  vi.stubEnv('TEST_STACK', 'containers');
});
afterEach(() => {
  vi.unstubAllEnvs();
});

test('without a container engine the run fails with one sentence and takes no other stack', async () => {
  const provide = vi.fn();
  const project: Partial<TestProject> = { provide };
  await expect(setup(project as TestProject)).rejects.toThrow(
    /^TEST_STACK=containers needs a container engine and none answers: [^\n]+[^.]$/,
  );
  expect(provide).not.toHaveBeenCalled();
  expect(startStack).not.toHaveBeenCalled();
});

test('the engine in a container is set as the embedded one, but for its addresses', async () => {
  let embedded: EngineSettings = {};
  const program: EngineProgram = {
    description: 'played',
    container: undefined,
    migrate(settings) {
      embedded = settings;
      throw new Error('seen');
    },
    run: () => expect.unreachable(),
    signal: () => expect.unreachable(),
  };
  const server = createEngineServer({
    program,
    dataDir: '/nonexistent',
    logPath: '/nonexistent/engine.log',
    databaseUrl: () => 'postgres://127.0.0.1/openfga',
    key: undefined,
    onUnexpectedEnd: () => expect.unreachable(),
  });
  await expect(server.start({ http: 1, grpc: 2 })).rejects.toThrow('seen');
  const addresses = ['OPENFGA_DATASTORE_URI', 'OPENFGA_HTTP_CORS_ALLOWED_ORIGINS'];
  expect(Object.entries(embedded).filter(([name]) => !addresses.includes(name))).toEqual(
    Object.entries(ENGINE_SETTINGS),
  );
});

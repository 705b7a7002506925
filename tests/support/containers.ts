/**
 * The test stack from container images: Postgres, and OpenFGA on a database of its own in it.
 *
 * `TEST_POSTGRES_IMAGE` and `TEST_OPENFGA_IMAGE` name other images. Both servers are set as the embedded ones are: the
 * engine's caches are off, and Postgres does not wait for the disk. They meet in a network of their own; ports are
 * published on 127.0.0.1 alone where the container engine is on this machine. Whatever was created is removed by
 * `stop`, also after a start that failed half-way; Ryuk, where its image can be had, removes it after Ctrl-C or `kill -9`.
 */
import { randomBytes } from 'node:crypto';

import {
  GenericContainer,
  ImageName,
  Network,
  Wait,
  getContainerPort,
  getContainerRuntimeClient,
  getReaper,
} from 'testcontainers';
import type { ContainerRuntimeClient, StartedNetwork, StartedTestContainer } from 'testcontainers';

import { ENGINE_IMAGE } from '../../src/embedded/engine-program.js';
import { runSql } from '../../src/platform/admin-sql.js';
import type { TestStack } from './global-stack.js';

const POSTGRES_IMAGE = 'postgres:18';
const POSTGRES_PORT = 5432;
const ENGINE_PORT = 8080;
/** The name of the engine's database and of the role that owns it. */
const ENGINE_ROLE = 'openfga';

const READY_TIMEOUT_MS = 120_000;
const PROBE_EVERY_MS = 250;

const POSTGRES_SETTINGS = {
  max_connections: '200',
  timezone: 'UTC',
  log_timezone: 'UTC',
  password_encryption: 'scram-sha-256',
  client_connection_check_interval: '1s',
  fsync: 'off',
  full_page_writes: 'off',
};

/** The embedded engine's, all but addresses (tests/unit/containers.test.ts compares). */
export const ENGINE_SETTINGS = {
  OPENFGA_DATASTORE_ENGINE: 'postgres',
  OPENFGA_LOG_LEVEL: 'fatal',
  OPENFGA_METRICS_ENABLED: 'false',
  OPENFGA_PLAYGROUND_ENABLED: 'false',
  OPENFGA_PROFILER_ENABLED: 'false',
  OPENFGA_TRACE_ENABLED: 'false',
  OPENFGA_CHECK_QUERY_CACHE_ENABLED: 'false',
  OPENFGA_CHECK_ITERATOR_CACHE_ENABLED: 'false',
  OPENFGA_LIST_OBJECTS_ITERATOR_CACHE_ENABLED: 'false',
  OPENFGA_CACHE_CONTROLLER_ENABLED: 'false',
  OPENFGA_SHARED_ITERATOR_ENABLED: 'false',
  OPENFGA_EXPERIMENTALS: 'weighted_graph_check',
  OPENFGA_MAX_CONCURRENT_CHECKS_PER_BATCH_CHECK: '8',
  OPENFGA_DATASTORE_MAX_OPEN_CONNS: '90',
};

/** What a start has made so far, and how it is undone. */
interface Run {
  readonly client: ContainerRuntimeClient;
  readonly undo: (() => Promise<unknown>)[];
}

/**
 * Starts both servers and waits until they serve.
 * Throws an error of one sentence when no container engine answers, an image is not to be had or a server does not
 * start; nothing is left behind then.
 */
export async function startContainers(): Promise<{ stack: TestStack; stop: () => Promise<void> }> {
  const run: Run = { client: await findContainerEngine(), undo: [] };
  const stop = (): Promise<void> => undoAll(run);
  try {
    return { stack: await startBoth(run), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function findContainerEngine(): Promise<ContainerRuntimeClient> {
  try {
    return await getContainerRuntimeClient();
  } catch {
    const remedy = 'start Docker or Podman, name one by `DOCKER_HOST`, or unset `TEST_STACK` for the embedded stack';
    throw new Error(`TEST_STACK=containers needs a container engine and none answers: ${remedy}`);
  }
}

async function startBoth(run: Run): Promise<TestStack> {
  const images = {
    postgres: await haveImage(run, 'TEST_POSTGRES_IMAGE', POSTGRES_IMAGE),
    engine: await haveImage(run, 'TEST_OPENFGA_IMAGE', ENGINE_IMAGE),
  };
  await startReaper(run);
  const network = await new Network().start();
  run.undo.push(() => network.stop());
  const password = randomBytes(16).toString('hex');
  const postgres = await startPostgres(run, { image: images.postgres, network, password });
  const address = `${hostOf(run)}:${postgres.getMappedPort(POSTGRES_PORT)}`;
  const postgresUrl = `postgres://postgres:${password}@${address}/__database__`;

  const enginePassword = randomBytes(16).toString('hex');
  await runSql(postgresUrl.replace('__database__', 'postgres'), [
    `create role ${ENGINE_ROLE} login password '${enginePassword}'`,
    `create database ${ENGINE_ROLE} owner ${ENGINE_ROLE}`,
  ]);
  const engine = await startEngine(run, { image: images.engine, network, password: enginePassword });
  return { postgresUrl, engineUrl: `http://${hostOf(run)}:${engine.getMappedPort(ENGINE_PORT)}` };
}

/** The image that `variable` names, pulled unless it is there; an image built here needs no registry. */
async function haveImage({ client }: Run, variable: string, standard: string): Promise<string> {
  const given = process.env[variable] ?? '';
  const image = given === '' ? standard : given;
  const name = ImageName.fromString(image);
  // A pull that fails half-way ends without an error: what counts is whether the image is there.
  const fault = await client.image.pull(name, { force: false, platform: undefined }).catch((error: unknown) => error);
  if (await client.image.exists(name)) return image;
  const why = fault instanceof Error ? `, since ${fault.message.trim()}` : '';
  throw new Error(
    `TEST_STACK=containers needs the image \`${image}\`: build it, or name another by \`${variable}\`, ` +
      `for it is not there and cannot be pulled${why}`,
  );
}

/** Ryuk removes what an interrupted run leaves; `TESTCONTAINERS_RYUK_DISABLED=true` does without from the start. */
async function startReaper({ client }: Run): Promise<void> {
  try {
    await getReaper(client);
  } catch {
    process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true';
    process.stderr.write(
      'Ryuk does not start: an interrupted run leaves containers labelled `org.testcontainers` behind\n',
    );
  }
}

interface ServerOptions {
  readonly image: string;
  readonly network: StartedNetwork;
  readonly password: string;
}

function startPostgres(run: Run, { image, network, password }: ServerOptions): Promise<StartedTestContainer> {
  const settings = Object.entries(POSTGRES_SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const container = new OwnContainer(run, image)
    .withNetwork(network)
    .withNetworkAliases('postgres')
    .withExposedPorts(POSTGRES_PORT)
    .withEnvironment({ POSTGRES_USER: 'postgres', POSTGRES_PASSWORD: password, POSTGRES_DB: 'postgres' })
    .withCommand(['postgres', ...settings])
    // Parallel queries outgrow the 64 MB of a container.
    .withSharedMemorySize(256 * 1024 * 1024)
    // By TCP: the server that the image starts for its own setup listens on a socket file alone.
    .withHealthCheck({
      test: ['CMD', 'pg_isready', '--host', '127.0.0.1', '--username', 'postgres'],
      interval: PROBE_EVERY_MS,
      timeout: 5_000,
      retries: READY_TIMEOUT_MS / PROBE_EVERY_MS,
    })
    .withWaitStrategy(Wait.forHealthCheck());
  return container.startOrSayWhy();
}

async function startEngine(run: Run, { image, network, password }: ServerOptions): Promise<StartedTestContainer> {
  const uri = `postgres://${ENGINE_ROLE}:${password}@postgres:${POSTGRES_PORT}/${ENGINE_ROLE}?sslmode=disable`;
  const make = (command: string[]): OwnContainer =>
    new OwnContainer(run, image)
      .withNetwork(network)
      .withEnvironment({ ...ENGINE_SETTINGS, OPENFGA_DATASTORE_URI: uri, OPENFGA_HTTP_ADDR: `0.0.0.0:${ENGINE_PORT}` })
      .withCommand(command);
  await make(['migrate', '--timeout', '20s']).withWaitStrategy(Wait.forOneShotStartup()).startOrSayWhy();
  const serving = Wait.forHttp('/healthz', ENGINE_PORT, { abortOnContainerExit: true })
    .withReadTimeout(PROBE_EVERY_MS)
    .forResponsePredicate((text) => text.includes('"SERVING"'));
  return await make(['run']).withExposedPorts(ENGINE_PORT).withWaitStrategy(serving).startOrSayWhy();
}

/** A container that listens on the loopback interface where it can, and is removed with its run in any case. */
class OwnContainer extends GenericContainer {
  readonly #run: Run;
  readonly #image: string;
  #output = '';

  constructor(run: Run, image: string) {
    super(image);
    this.#run = run;
    this.#image = image;
    this.withStartupTimeout(READY_TIMEOUT_MS);
    this.withLogConsumer((stream) => {
      stream.on('data', (part: Buffer | string) => (this.#output = `${this.#output}${part.toString()}`.slice(-4_000)));
    });
  }

  async startOrSayWhy(): Promise<StartedTestContainer> {
    try {
      return await this.start();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const lines = this.#output.split('\nUsage:')[0]?.trim().split('\n').slice(-5).join(' | ');
      throw new Error(`\`${this.#image}\` did not start (${why}): ${lines ?? ''}`, { cause: error });
    }
  }

  protected override beforeContainerCreated(): Promise<void> {
    if (isLocal(this.#run)) {
      const loopback = { HostIp: '127.0.0.1', HostPort: '0' };
      this.hostConfig.PortBindings = Object.fromEntries(
        this.exposedPorts.map((port) => [`${getContainerPort(port)}/tcp`, [loopback]]),
      );
    }
    return Promise.resolve();
  }

  protected override containerCreated(id: string): Promise<void> {
    // Also those that end by themselves or never become ready.
    const container = this.#run.client.container.getById(id);
    this.#run.undo.push(() => container.remove({ force: true, v: true }).catch(unlessGone));
    return Promise.resolve();
  }
}

/** Elsewhere is an engine behind `tcp://`, or the machine around the container that the tests run in. */
function isLocal({ client }: Run): boolean {
  return client.info.containerRuntime.host === 'localhost';
}

function hostOf(run: Run): string {
  return isLocal(run) ? '127.0.0.1' : run.client.info.containerRuntime.host;
}

async function undoAll({ undo }: Run): Promise<void> {
  const failures: unknown[] = [];
  for (const step of undo.splice(0).reverse()) await step().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures, 'containers of the test stack could not be removed');
}

/** Testcontainers itself removes one that does not become ready. */
function unlessGone(error: unknown): void {
  const isGone = error instanceof Error && 'statusCode' in error && error.statusCode === 404;
  if (!isGone) throw error;
}

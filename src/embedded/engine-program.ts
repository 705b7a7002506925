/**
 * The two ways to run an OpenFGA server: a program of this machine, or the official image in Docker.
 *
 * Settings go through the environment, never the command line, which every account can read: the database's password is
 * among them.
 */
import type { Environment } from './paths.js';
import { runProgram, sendSignal } from './process.js';
import type { Command, ProcessRef } from './process.js';

/** The version that is built and tested against, and the oldest whose answers are right. */
export const ENGINE_VERSION = 'v1.18.3';
export const OLDEST_ENGINE_VERSION = 'v1.18.1';
export const ENGINE_IMAGE = `openfga/openfga:${ENGINE_VERSION}`;

/** `OPENFGA_*` settings, with addresses as the host sees them. */
export type EngineSettings = Readonly<Record<string, string>>;

export interface EnginePorts {
  readonly http: number;
  readonly grpc: number;
}

export interface EngineProgram {
  /** Where it comes from, for messages. */
  readonly description: string;
  /** The container's name when it runs in Docker. */
  readonly container: string | undefined;
  /** The command that applies OpenFGA's own migrations. */
  migrate(settings: EngineSettings): Command;
  /** The command that serves on the given ports of 127.0.0.1. */
  run(settings: EngineSettings, ports: EnginePorts): Command;
  /** Sends a signal to the server that was started as `process`. */
  signal(process: ProcessRef, signal: NodeJS.Signals): Promise<void>;
}

/** By itself it would wait a minute for a database that does not answer. */
const MIGRATE = ['migrate', '--timeout', '20s'];

/** OpenFGA reads `$HOME/.openfga`: a configuration file of the user's own server is not for this one. */
const NOWHERE = '/nonexistent';

export function engineFromFile(file: string, description: string): EngineProgram {
  return {
    description,
    container: undefined,
    migrate: (settings) => ({ file, args: MIGRATE, env: { ...settings, HOME: NOWHERE } }),
    run: (settings, ports) => ({
      file,
      args: ['run', '--http-addr', `127.0.0.1:${ports.http}`, '--grpc-addr', `127.0.0.1:${ports.grpc}`],
      env: { ...settings, HOME: NOWHERE },
    }),
    signal(process, signal) {
      sendSignal(process, signal);
      return Promise.resolve();
    },
  };
}

/**
 * On Linux the container shares the host's network, so that both sides stay on 127.0.0.1. Docker Desktop runs a machine
 * of its own: there ports are published on 127.0.0.1, and the host's loopback is `host.docker.internal`.
 */
export function engineFromDocker(docker: string, container: string, env: Environment): EngineProgram {
  const sharesNetwork = process.platform === 'linux';
  const command = (verb: readonly string[], settings: EngineSettings, options: readonly string[]): Command => ({
    file: docker,
    args: [
      ['run', '--rm', '--init', ...options],
      Object.keys(settings).flatMap((name) => ['--env', name]),
      [ENGINE_IMAGE, ...verb],
    ].flat(),
    env: { ...env, ...(sharesNetwork ? settings : throughGateway(settings)) },
  });
  const network = sharesNetwork ? ['--network', 'host'] : ['--add-host', 'host.docker.internal:host-gateway'];
  return {
    description: `\`${ENGINE_IMAGE}\` in Docker`,
    container,
    migrate: (settings) => command(MIGRATE, settings, network),
    run(settings, { http, grpc }) {
      if (sharesNetwork) {
        const addresses = { OPENFGA_HTTP_ADDR: `127.0.0.1:${http}`, OPENFGA_GRPC_ADDR: `127.0.0.1:${grpc}` };
        return command(['run'], { ...settings, ...addresses }, ['--name', container, ...network]);
      }
      const published = ['-p', `127.0.0.1:${http}:8080`, '-p', `127.0.0.1:${grpc}:8081`];
      return command(['run'], settings, ['--name', container, ...network, ...published]);
    },
    async signal(_client, signal) {
      await runProgram({ file: docker, args: ['kill', '--signal', signal, container], env });
    },
  };
}

function throughGateway(settings: EngineSettings): EngineSettings {
  const entries = Object.entries(settings).map(([name, value]): [string, string] => [
    name,
    name === 'OPENFGA_DATASTORE_URI' ? value.replace('@127.0.0.1:', '@host.docker.internal:') : value,
  ]);
  return Object.fromEntries(entries);
}

/** Several projectors on one world, each with connections and a hand on the engine of its own, to set against each other. */
import { randomUUID } from 'node:crypto';

import { createPool } from '../../src/platform/postgres.js';
import type { Pool } from '../../src/platform/postgres.js';
import type { Projector, ProjectorOptions } from '../../src/sync/projector.js';
import { playedEngine, readsUsers, until } from './played-engine.js';
import type { Change, PlayedEngine } from './played-engine.js';
import { createWorld, roleId } from './world.js';
import type { World } from './world.js';

/** Short times, so that a test can wait them out. */
export const TIMES = {
  writeTimeoutMs: 150,
  leaseMs: 100,
  engineRequestTimeoutMs: 300,
  pollMs: 5,
  standbyMs: 20,
  parkMs: 300,
};
/** Long enough for a test to do something meanwhile, also on a busy machine. */
export const LONG = { engineRequestTimeoutMs: 2_500 };
/** The longest that a key may be held after its projector has died: lease, way, the engine's own time, margin. */
export const fenceMs = ({ engineRequestTimeoutMs }: { engineRequestTimeoutMs: number }): number =>
  TIMES.leaseMs + TIMES.writeTimeoutMs + engineRequestTimeoutMs + 250;

export interface Actor {
  readonly projector: Projector;
  readonly engine: PlayedEngine;
  readonly pool: Pool;
  /** Starts it, and waits until it leads. */
  lead(): Promise<void>;
  /** Ends the server side of its leadership, as a broken network or a failover would. */
  cutOff(): Promise<void>;
}

/** What a Write waits at. */
export interface Gate {
  readonly reached: Promise<void>;
  open(): void;
  pass(): Promise<void>;
}

/** A world with one tenant and one user, anne, who can be granted a role there. */
export interface Stage {
  readonly world: World;
  actor(over?: Partial<ProjectorOptions>): Actor;
  /** A closed gate; open when the stage ends, at the latest. */
  gate(): Gate;
  grant(): Promise<void>;
  revoke(): Promise<void>;
  anneIsIn(): Promise<boolean>;
  end(): Promise<void>;
}

export const VIEWER = roleId('t1', 'EMR_CLIENT_VIEWER');
export const grantsAnne = ({ writes }: Change): boolean => writes.some(({ user }) => user === 'user:anne');
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function createStage(): Promise<Stage> {
  const world = await createWorld();
  const actors: Actor[] = [];
  const gates: Gate[] = [];
  await world.addTenant('t1', 'emr');
  await world.addUser('t1', 'anne');
  return {
    world,
    actor(over = {}) {
      const made = createActor(world, over);
      actors.push(made);
      return made;
    },
    gate() {
      const made = createGate();
      gates.push(made);
      return made;
    },
    async grant() {
      await world.sql(`insert into security.user_role (user_id, role_id) values ('anne', $1)`, [VIEWER]);
    },
    async revoke() {
      await world.sql(`update security.user_role set revoked_at = now() where user_id = 'anne' and revoked_at is null`);
    },
    anneIsIn: () => readsUsers(world, 'anne', 't1'),
    async end() {
      for (const made of gates) made.open();
      for (const { projector, pool, engine } of actors) {
        engine.play = undefined;
        await projector.stop();
        await pool.end();
      }
      await world.end();
    },
  };
}

function createActor(world: World, over: Partial<ProjectorOptions>): Actor {
  const name = `projector-${randomUUID()}`;
  const options = { url: world.databaseUrl, role: 'bailiwick_sync', max: 4, applicationName: name } as const;
  const pool = createPool(options, () => undefined);
  const engine = playedEngine(world);
  const projector = world.projector({ pool, tuples: engine.tuples, ...TIMES, ...over });
  return {
    projector,
    engine,
    pool,
    async lead() {
      await projector.start();
      await until(projector.isLeader);
    },
    cutOff: () =>
      world.superSql(`select pg_terminate_backend(a.pid) from pg_stat_activity a join pg_locks l on l.pid = a.pid
        where a.application_name = '${name}' and l.locktype = 'advisory' and a.datname = current_database()`),
  };
}

function createGate(): Gate {
  let arrive = (): void => undefined;
  let open = (): void => undefined;
  const reached = new Promise<void>((resolve) => (arrive = resolve));
  const opened = new Promise<void>((resolve) => (open = resolve));
  return {
    reached,
    open: () => open(),
    pass: async () => {
      arrive();
      await opened;
    },
  };
}

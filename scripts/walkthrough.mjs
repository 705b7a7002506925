/**
 * `npm run walkthrough`: both onboarding documents (2.4 First tenant admin user, 2.10 Users and role-based access) step
 * by step against a running `npm start`, each SQL and each result printed. Exits with 1 where anything came out otherwise.
 *
 *   eval "$(npm run -s env)" && npm run walkthrough
 *
 * The documents' SQL runs in psql; where there is none, through the same driver as the service's, and that is said.
 */
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';

import { walkFirstAdmin } from './walkthrough/first-admin.mjs';
import { walkTeam } from './walkthrough/team.mjs';
import { createWalk } from './walkthrough/walk.mjs';

const print = (/** @type {string} */ line) => void process.stdout.write(`${line}\n`);

/** @param {string} name */
function needed(name) {
  const value = process.env[name];
  if (value !== undefined && value !== '') return value;
  throw new Error(`\`${name}\` is not set: run \`npm start\`, and \`eval "$(npm run -s env)"\` in this shell`);
}

function hasPsql() {
  try {
    execFileSync('psql', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** @returns {Promise<{ sql: (text: string) => Promise<import('./walkthrough/walk.mjs').Row[]>, end: () => Promise<void> }>} */
async function openDatabase() {
  if (hasPsql()) {
    const run = promisify(execFile);
    const sql = async (/** @type {string} */ text) => {
      const query = `select coalesce(json_agg(q), '[]') from (${text.trim().replace(/;$/, '')}\n) q`;
      const { stdout } = await run('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-c', query]);
      return rowsOf(JSON.parse(stdout));
    };
    return { sql, end: () => Promise.resolve() };
  }
  print('psql is not on this machine: the SQL of the documents runs through node-postgres, as the same login');
  const { default: pg } = await import('pg');
  const client = new pg.Client();
  await client.connect();
  return { sql: async (text) => rowsOf((await client.query(text)).rows), end: () => client.end() };
}

/**
 * @param {unknown} rows
 * @returns {import('./walkthrough/walk.mjs').Row[]}
 */
function rowsOf(rows) {
  return /** @type {import('./walkthrough/walk.mjs').Row[]} */ (rows);
}

async function main() {
  const service = needed('BASE').replace(/\/(api\/v1)?\/?$/, '');
  const platformAdmin = { email: needed('PLATFORM_ADMIN_EMAIL'), password: needed('PLATFORM_ADMIN_PASSWORD') };
  const { sql, end } = await openDatabase();
  const domain = process.env['SIGN_IN_DOMAIN'] ?? 'localhost';
  const walk = createWalk({ base: `${service}/api/v1`, domain, platformAdmin, sql, print });
  try {
    await walkTeam(walk, await walkFirstAdmin(walk));
  } finally {
    await end();
  }
  const { differences } = walk;
  print(
    differences.length === 0
      ? '\nEverything as the documents say.'
      : `\nOtherwise than they say: ${differences.join('; ')}`,
  );
  process.exitCode = differences.length === 0 ? 0 : 1;
}

main().catch((/** @type {unknown} */ error) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});

/** The compose file and the image: what they name is there, and no secret stands in an environment. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

import { SETTINGS } from '../../src/settings.js';
import { readText } from './support/files.js';
import { ROOT } from './support/planted-tree.js';

const secretUse = z.union([z.string(), z.object({ source: z.string(), target: z.string() })]);
const service = z.object({
  image: z.string(),
  command: z.array(z.string()).optional(),
  stop_grace_period: z.string().optional(),
  environment: z.record(z.string(), z.string()).optional(),
  secrets: z.array(secretUse).optional(),
  volumes: z.array(z.string()).optional(),
  ports: z.array(z.string()).optional(),
  read_only: z.boolean().optional(),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).optional(),
});
const file = z.object({
  services: z.record(z.string(), service),
  volumes: z.record(z.string(), z.unknown()),
  secrets: z.record(z.string(), z.object({ file: z.string() })),
});
const compose = file.parse(parse(readText('deploy/compose.yaml'), { merge: true }));
const services = Object.entries(compose.services);
const secretsOf = (of: z.infer<typeof service>): string[] =>
  (of.secrets ?? []).map((use) => (typeof use === 'string' ? use : use.source));

test('every secret is declared, made by the script, and read from a file', () => {
  const declared = Object.keys(compose.secrets);
  const used = services.flatMap(([, each]) => secretsOf(each));
  expect([...new Set(used)].sort()).toEqual([...declared].sort());
  const script = readText('deploy/compose/secrets.sh');
  const made = (name: string): boolean =>
    script.includes(`keep ${name}`) || (/-url$/.test(name) && script.includes('keep "$login-url"'));
  expect(declared.filter((name) => !made(name))).toEqual([]);
  const inTheClear = services.flatMap(([name, { environment = {} }]) =>
    Object.keys(environment)
      .filter((variable) => /(PASSWORD|SECRET|TOKEN|KEY|DATABASE_URL)$/.test(variable))
      .map((variable) => `${name}: ${variable}`),
  );
  expect(inTheClear).toEqual([]);
});

test('every setting of ours that it names is one, and every file is among the secrets of that service', () => {
  const known = new Set([...Object.keys(SETTINGS.shape), 'BAILIWICK_MIGRATION_DATABASE_URL']);
  for (const [name, each] of services.filter(([, { image }]) => image.startsWith('bailiwick:'))) {
    for (const [variable, value] of Object.entries(each.environment ?? {})) {
      expect(known, `${name}: ${variable}`).toContain(variable.replace(/_FILE$/, ''));
      const secret = /^\/run\/secrets\/(.*)$/.exec(value)?.[1];
      if (secret !== undefined) expect(secretsOf(each), `${name}: ${variable}`).toContain(secret);
    }
  }
});

test('what it mounts is there, and nothing is published beyond this machine', () => {
  const missing = services.flatMap(([name, { volumes = [] }]) =>
    volumes
      .map((volume) => volume.split(':')[0] ?? '')
      .filter(
        (source) => !(source.startsWith('.') ? existsSync(join(ROOT, 'deploy', source)) : source in compose.volumes),
      )
      .map((source) => `${name}: ${source}`),
  );
  expect(missing).toEqual([]);
  expect(services.flatMap(([, { ports = [] }]) => ports).filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
});

test('whoever waits for somebody waits for a service that is there', () => {
  const awaited = services.flatMap(([, { depends_on = {} }]) => Object.keys(depends_on));
  expect(awaited.filter((name) => !(name in compose.services))).toEqual([]);
});

test('all but Postgres write nowhere but where they are told to', () => {
  expect(services.filter(([, each]) => each.read_only !== true).map(([name]) => name)).toEqual(['postgres']);
});

test('OpenFGA keeps a database of its own, asks for a key, and its caches are off', () => {
  const { environment = {} } = compose.services['openfga'] ?? {};
  const caches = Object.entries(environment).filter(([name]) => name.includes('CACHE'));
  expect(caches.length).toBeGreaterThan(2);
  expect(caches.filter(([, value]) => value !== 'false')).toEqual([]);
  const script = readText('deploy/compose/secrets.sh');
  expect(script).toMatch(/uri: postgres:\/\/openfga_login:.*\/openfga\?/);
  expect(script).toContain('method: preshared');
});

test('Postgres lets in all that may connect at once, and nobody is killed who would end by itself', () => {
  const given = Number(/max_connections=(\d+)/.exec(compose.services['postgres']?.command?.join(' ') ?? '')?.[1]);
  const engine = Number(/maxOpenConns: (\d+)/.exec(readText('deploy/compose/secrets.sh'))?.[1]);
  const pools = ['src/compose.ts', 'src/audit/create-ledger.ts'].flatMap((path) =>
    [...readText(path).matchAll(/createPool\(\{.* max: (\d+),/g)].map(([, max]) => Number(max)),
  );
  expect(pools.length).toBe(4);
  const ours =
    SETTINGS.shape.BAILIWICK_DATABASE_CONNECTIONS.parse(undefined) + pools.reduce((sum, max) => sum + max, 0);
  // Besides: the feed, a command's 6, the logins' and the migration's one, and what Postgres keeps for superusers.
  expect(given).toBeGreaterThan(engine + ours + 1 + 6 + 2 + 3);
  const endMs = Number(/END_MS = ([\d_]+);/.exec(readText('src/main.ts'))?.[1]?.replaceAll('_', ''));
  expect(Number.parseInt(compose.services['bailiwick']?.stop_grace_period ?? '', 10) * 1_000).toBeGreaterThan(endMs);
});

test('the image ends from scratch, as nobody, with what the code reads', () => {
  const dockerfile = readText('deploy/Dockerfile');
  const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
  expect(last).toMatch(/^\nFROM scratch\n/);
  expect(last).toMatch(/^USER 65532:65532$/m);
  expect(last).not.toMatch(/^RUN /m);
  const { files } = z.object({ files: z.array(z.string()) }).parse(JSON.parse(readText('package.json')));
  const copied = /cp -R (.*) \/root-fs\/app\//.exec(dockerfile)?.[1]?.split(' ') ?? [];
  expect(files.filter((name) => !copied.includes(name))).toEqual([]);
});

test('docker compose reads the file, where it is there', () => {
  const args = ['compose', '-f', 'deploy/compose.yaml', 'config', '--quiet', '--no-interpolate'];
  const { error, status, stderr } = spawnSync('docker', args, { cwd: ROOT, encoding: 'utf8', timeout: 25_000 });
  if (error !== undefined || /unknown (command|shorthand flag)|not a docker command/.test(stderr)) {
    process.stderr.write('NOT CHECKED: `docker compose config` was not run, because it is not here\n');
    return;
  }
  expect(stderr).toBe('');
  expect(status).toBe(0);
});

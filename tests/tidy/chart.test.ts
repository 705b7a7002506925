/**
 * The Helm chart: its values keep to their schema, and what it renders keeps to what an operator may rely on. helm, where
 * it is on the PATH, lints and renders every set of values under ci/; without it that is said, and the rest is held.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
// Of express-openapi-validator, which holds requests to the contract with it.
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';

import { SETTINGS } from '../../src/settings.js';
import { projectFiles, readText } from './support/files.js';
import { ROOT } from './support/planted-tree.js';

const CHART = 'deploy/helm/bailiwick';
const sets = projectFiles().filter((path) => path.startsWith(`${CHART}/ci/`));
const settings = new Set(Object.keys(SETTINGS.shape));

const container = z.object({
  name: z.string(),
  command: z.array(z.string()).optional(),
  restartPolicy: z.string().optional(),
  env: z.array(z.object({ name: z.string(), value: z.string() })).optional(),
  volumeMounts: z
    .array(z.object({ name: z.string(), mountPath: z.string(), readOnly: z.boolean().default(false) }))
    .optional(),
  securityContext: z.record(z.string(), z.unknown()).optional(),
  startupProbe: z.unknown().optional(),
  readinessProbe: z.unknown().optional(),
  livenessProbe: z.unknown().optional(),
});
type Container = z.infer<typeof container>;
const podSpec = z.object({
  automountServiceAccountToken: z.literal(false),
  securityContext: z.object({ runAsNonRoot: z.literal(true) }).loose(),
  initContainers: z.array(container).optional(),
  containers: z.array(container).min(1),
  volumes: z.array(z.looseObject({ name: z.string() })).optional(),
});
const template = z.object({ metadata: z.object({ labels: z.record(z.string(), z.string()) }), spec: podSpec });
const object = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string().max(63),
    annotations: z.record(z.string(), z.string()).optional(),
    labels: z.record(z.string(), z.string()).optional(),
  }),
});
const monitorSpec = z.object({
  jobLabel: z.string(),
  selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
});
type Rendered = z.infer<typeof object>;

function helm(...args: string[]): ReturnType<typeof spawnSync> & { stdout: string; stderr: string } {
  return spawnSync('helm', [...args, '--kube-version', '1.31.0'], { cwd: ROOT, encoding: 'utf8', timeout: 25_000 });
}
const hasHelm = spawnSync('helm', ['version'], { encoding: 'utf8' }).error === undefined;

const render = (...args: string[]): Rendered[] => renderAs('release', ...args);

function renderAs(release: string, ...args: string[]): Rendered[] {
  const { status, stdout, stderr } = helm('template', release, CHART, ...args);
  if (status !== 0) throw new Error(stderr);
  return parseAllDocuments(stdout)
    .map((document) => document.toJS() as unknown)
    .filter((content) => content !== null)
    .map((content) => object.parse(content));
}

const kinds = (rendered: readonly Rendered[]): string[] => rendered.map(({ kind }) => kind).sort();
const podsOf = (rendered: readonly Rendered[]): z.infer<typeof podSpec>[] =>
  rendered.flatMap((each) => {
    if (each.kind === 'Pod') return [podSpec.parse(each['spec'])];
    if (each.kind !== 'Deployment' && each.kind !== 'Job') return [];
    return [template.parse(z.object({ template: z.unknown() }).parse(each['spec']).template).spec];
  });
const containersOf = (rendered: readonly Rendered[]): Container[] =>
  podsOf(rendered).flatMap(({ initContainers = [], containers }) => [...initContainers, ...containers]);

test('its values, and every set under ci/ over them, keep to the schema', () => {
  const validate = new Ajv({ allErrors: true, strict: false }).compile(
    JSON.parse(readText(`${CHART}/values.schema.json`)) as object,
  );
  const values = parse(readText(`${CHART}/values.yaml`)) as Record<string, unknown>;
  expect(validate(values), JSON.stringify(validate.errors)).toBe(true);
  expect(sets).toHaveLength(3);
  for (const path of sets) {
    const over = parse(readText(path)) as Record<string, unknown>;
    const isRight = validate({ ...values, ...over });
    expect(isRight, `${path}: ${JSON.stringify(validate.errors)}`).toBe(true);
  }
  expect(validate({ ...values, mode: 'sidecar' })).toBe(false);
  expect(validate({ ...values, operator: { enabled: true, secretName: '', secretKey: 'url' } })).toBe(false);
  expect(validate({ ...values, bogus: 1 })).toBe(false);
  expect(validate({ ...values, settings: { BAILIWICK_HOST: 'x' } })).toBe(false);
  // Where it could never be written.
  expect(validate({ ...values, settings: { BAILIWICK_AUDIT_CHECKPOINT_FILE: '/tmp/x' } })).toBe(false);
  const openfga = { secretName: 'openfga-tls', key: 'ca.crt' };
  const secure = { ...values, tls: { openfga }, openfga: { url: 'https://openfga.example.test' } };
  expect(validate(secure), JSON.stringify(validate.errors)).toBe(true);
  // An authority beside plain http would vouch for nothing.
  expect(validate({ ...values, tls: { openfga } })).toBe(false);
  expect(validate({ ...secure, tls: { openfga: { secretName: 'openfga-tls' } } })).toBe(false);
});

test('every setting that its values name is one', () => {
  const named = z.object({
    secrets: z.object({ keys: z.record(z.string(), z.string()) }).optional(),
    settings: z.record(z.string(), z.string()).optional(),
  });
  const all = [`${CHART}/values.yaml`, ...sets].flatMap((path) => {
    const { secrets, settings: plain } = named.parse(parse(readText(path)));
    return [...Object.keys(secrets?.keys ?? {}), ...Object.keys(plain ?? {})];
  });
  expect(all.filter((name) => !settings.has(name))).toEqual([]);
});

test('every rule file and every dashboard is in the chart', () => {
  const sources = projectFiles().filter((path) => /^deploy\/(prometheus\/rules|grafana\/dashboards)\//.test(path));
  const copied = projectFiles().filter((path) => path.startsWith(`${CHART}/files/`));
  expect(copied.map((path) => readText(path)).sort()).toEqual(sources.map((path) => readText(path)).sort());
});

test('helm is here, or it is said that the chart was not rendered', () => {
  if (!hasHelm) process.stderr.write('NOT CHECKED: the Helm chart was not rendered, because helm is not on the PATH\n');
});

describe.runIf(hasHelm)('rendered', () => {
  test.each(sets.map((path) => ({ path })))('lint has nothing to say of $path', ({ path }) => {
    const { status, stdout } = helm('lint', CHART, '--strict', '-f', path);
    expect(stdout).toContain('0 chart(s) failed');
    expect(status).toBe(0);
  });

  test('what is on is there, and what is off is not', () => {
    expect(kinds(render())).toEqual([
      'Deployment',
      'Job',
      'NetworkPolicy',
      'Pod',
      'PodDisruptionBudget',
      'Service',
      'Service',
    ]);
    expect(kinds(render('-f', join(CHART, 'ci/bare-values.yaml')))).toEqual([
      'Deployment',
      'Pod',
      'Service',
      'Service',
    ]);
    const all = kinds(render('-f', join(CHART, 'ci/all-values.yaml')));
    expect(all.filter((kind) => kind === 'ConfigMap')).toHaveLength(5);
    expect(all).toEqual(expect.arrayContaining(['HorizontalPodAutoscaler', 'ServiceMonitor', 'PrometheusRule']));
  });

  test('each container of ours is nobody, writes nowhere, and holds no secret in its environment', () => {
    for (const path of sets) {
      const ours = containersOf(render('-f', path)).filter(({ name }) => name !== 'claims');
      expect(ours.length).toBeGreaterThan(1);
      for (const { securityContext, env = [] } of ours) {
        expect(securityContext).toMatchObject({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          runAsNonRoot: true,
          capabilities: { drop: ['ALL'] },
          seccompProfile: { type: 'RuntimeDefault' },
        });
        expect(env.filter(({ name }) => /(_URL|TOKEN|SECRET|KEY)$/.test(name)).map(({ name }) => name)).toEqual(
          env.some(({ name }) => name === 'BAILIWICK_OPENFGA_URL') ? ['BAILIWICK_OPENFGA_URL'] : [],
        );
        const isSetting = (name: string): boolean => settings.has(name) || settings.has(name.replace(/_FILE$/, ''));
        const unknown = env.map(({ name }) => name).filter((name) => !isSetting(name));
        expect(unknown.filter((name) => name !== 'BAILIWICK_MIGRATION_DATABASE_URL_FILE')).toEqual([]);
      }
    }
  });

  test('stand-alone it is the Pod’s container; as a sidecar it starts first, ends last, and decides readiness', () => {
    const [standalone] = podsOf(render()).filter(({ containers }) =>
      containers.some(({ name }) => name === 'bailiwick'),
    );
    expect(standalone?.containers).toHaveLength(1);
    expect(standalone?.containers[0]).toMatchObject({ readinessProbe: {}, livenessProbe: {}, startupProbe: {} });
    const [sidecar] = podsOf(render('-f', join(CHART, 'ci/sidecar-values.yaml'))).filter(({ containers }) =>
      containers.some(({ name }) => name === 'claims'),
    );
    expect(sidecar?.initContainers?.map(({ name, restartPolicy }) => [name, restartPolicy])).toEqual([
      ['store', undefined],
      ['bailiwick', 'Always'],
    ]);
    expect(sidecar?.initContainers?.[1]).toMatchObject({ readinessProbe: {}, startupProbe: {} });
  });

  test('no start is killed for what it waits for, and the app beside it waits too', () => {
    const of = (...args: string[]) => containersOf(render(...args)).find(({ name }) => name === 'bailiwick');
    const [live, ready] = ['/livez', '/readyz'].map((path) => ({ httpGet: { path, port: 'management' } }));
    expect(of()).toMatchObject({ startupProbe: live, livenessProbe: live, readinessProbe: ready });
    const sidecar = ['-f', join(CHART, 'ci/sidecar-values.yaml')];
    expect(of(...sidecar)).toMatchObject({ startupProbe: { ...ready, periodSeconds: 1, failureThreshold: 3600 } });
    expect(of(...sidecar)).toMatchObject({ livenessProbe: live, readinessProbe: ready });
    expect(of(...sidecar, '--set', 'sidecar.startupFailureThreshold=60')).toMatchObject({
      startupProbe: { failureThreshold: 60 },
    });
  });

  test('the migration runs before the new version, in a Job that the service’s labels do not select', () => {
    const job = render().find(({ kind }) => kind === 'Job');
    expect(job?.metadata.annotations?.['helm.sh/hook']).toBe('pre-install,pre-upgrade');
    expect(JSON.stringify(job?.['spec'])).toContain('"app.kubernetes.io/name":"bailiwick-migrate"');
  });

  test('an authority is mounted in every container that asks its store, and its file named to it', () => {
    const of = (...args: string[]) =>
      containersOf(render(...args)).map(({ name, volumeMounts = [], env = [] }) => ({
        name,
        mounts: volumeMounts.map((mount) => mount.mountPath).filter((path) => path.endsWith('-ca')),
        names: env.filter((each) => each.name === 'BAILIWICK_OPENFGA_CA_FILE').map(({ value }) => value),
      }));
    const [postgres, openfga] = ['/run/secrets/postgres-ca', '/run/secrets/openfga-ca'];
    // The store is given by its id there, so nothing looks for it.
    expect(of('-f', join(CHART, 'ci/all-values.yaml')).filter(({ name }) => name !== 'ready')).toEqual(
      expect.arrayContaining([
        { name: 'bailiwick', mounts: [postgres, openfga], names: [`${openfga}/ca.crt`] },
        { name: 'migrate', mounts: [postgres], names: [] },
      ]),
    );
    const withStore = of('-f', join(CHART, 'ci/all-values.yaml'), '--set', 'openfga.storeId=');
    expect(withStore).toContainEqual({ name: 'store', mounts: [openfga], names: [`${openfga}/ca.crt`] });
    expect(of().flatMap(({ mounts, names }) => [...mounts, ...names])).toEqual([]);
  });

  test('the file of checkpoints lies on the claim that is named, which the service alone writes', () => {
    const pods = podsOf(render('-f', join(CHART, 'ci/all-values.yaml')));
    const claims = (pod: (typeof pods)[number]) => pod.volumes?.filter((each) => 'persistentVolumeClaim' in each) ?? [];
    const claim = { name: 'checkpoints', persistentVolumeClaim: { claimName: 'audit-checkpoints' } };
    const found = pods.flatMap((pod) => claims(pod).map((each) => ({ ...each, of: pod.containers[0] })));
    expect(found).toMatchObject([
      { ...claim, of: { name: 'bailiwick' } },
      { ...claim, of: { name: 'operator' } },
    ]);
    for (const { of } of found) {
      const mount = of?.volumeMounts?.find(({ name }) => name === 'checkpoints');
      const file = of?.env?.find(({ name }) => name === 'BAILIWICK_AUDIT_CHECKPOINT_FILE')?.value ?? '';
      expect(mount?.readOnly).toBe(of?.name === 'operator');
      expect(dirname(file)).toBe(mount?.mountPath);
    }
    expect(JSON.stringify(render())).not.toContain('checkpoint');
  });

  describe('where an operator’s commands are run', () => {
    const ON = ['--set', 'operator.enabled=true,operator.secretName=bailiwick-operator'];
    const entrypoint = z
      .array(z.string())
      .parse(JSON.parse(/^ENTRYPOINT (.*)$/m.exec(readText('deploy/Dockerfile'))?.[1] ?? ''));
    const podOf = (...args: string[]) =>
      podsOf(render(...args)).find(({ containers }) => containers.some(({ name }) => name === 'operator'));

    test('is nowhere unless it is asked for, and then with a Secret of its own', () => {
      expect(podOf()).toBeUndefined();
      expect(helm('template', 'release', CHART, '--set', 'operator.enabled=true').stderr).toContain('operator');
      const volumes = podOf(...ON)?.volumes ?? [];
      const items = (key: string) => ({ items: [{ key, path: key }] });
      expect(volumes.filter((volume) => 'secret' in volume)).toMatchObject([
        { name: 'operator', secret: { secretName: 'bailiwick-operator', ...items('operator-url') } },
        { name: 'secrets', secret: { secretName: 'bailiwick', ...items('openfga-key') } },
      ]);
      const env = podOf(...ON)?.containers[0]?.env?.map(({ name }) => name) ?? [];
      expect(env.sort()).toEqual([
        'BAILIWICK_OPENFGA_STORE_ID_FILE',
        'BAILIWICK_OPENFGA_TOKEN_FILE',
        'BAILIWICK_OPENFGA_URL',
        'DATABASE_URL_FILE',
      ]);
    });

    test('waits on the image’s own program until it is ended, and is told as it is run', async () => {
      const command = podOf(...ON)?.containers[0]?.command ?? [];
      expect(command[0]).toBe(entrypoint[0]);
      const waiting = spawn(process.execPath, command.slice(1), { stdio: 'ignore' });
      const ended = once(waiting, 'exit');
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect(waiting.exitCode).toBeNull();
      waiting.kill('SIGTERM');
      expect(await ended).toEqual([0, null]);
      for (const path of ['README.md', `${CHART}/templates/NOTES.txt`]) {
        expect(readText(path)).toMatch(new RegExp(`exec deploy/.*-operator .*-- ${entrypoint.join(' ')} outbox list`));
      }
    });

    test('neither the service’s labels nor anybody’s requests reach it, and it reaches what the service does', () => {
      const rendered = render(...ON);
      const policies = rendered
        .filter(({ kind }) => kind === 'NetworkPolicy')
        .map(({ spec }) =>
          z
            .object({
              podSelector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
              policyTypes: z.array(z.string()),
              ingress: z.array(z.unknown()),
              egress: z.array(z.unknown()),
            })
            .parse(spec),
        );
      const [service, operator, ...others] = policies;
      expect(others).toEqual([]);
      expect(operator).toMatchObject({ policyTypes: ['Ingress', 'Egress'], ingress: [], egress: service?.egress });
      const deployment = rendered.find(
        ({ kind, metadata }) => kind === 'Deployment' && /-operator$/.test(metadata.name),
      );
      const { metadata } = template.parse(z.object({ template: z.unknown() }).parse(deployment?.['spec']).template);
      expect(metadata.labels).toEqual(operator?.podSelector.matchLabels);
      expect(metadata.labels).not.toMatchObject(service?.podSelector.matchLabels ?? {});
    });
  });

  test('the processes of all releases on one database are one job', () => {
    const jobOf = (release: string): unknown => {
      const rendered = renderAs(release, '-f', join(CHART, 'ci/all-values.yaml'));
      const monitor = rendered.find(({ kind }) => kind === 'ServiceMonitor');
      const { jobLabel, selector } = monitorSpec.parse(monitor?.['spec']);
      const labels = rendered.filter(({ kind }) => kind === 'Service').map(({ metadata }) => metadata.labels ?? {});
      const chosen = labels.filter((each) =>
        Object.entries(selector.matchLabels).every(([name, value]) => each[name] === value),
      );
      expect(chosen).toHaveLength(1);
      return chosen[0]?.[jobLabel];
    };
    expect([jobOf('release'), jobOf('sidecars')]).toEqual(['bailiwick', 'bailiwick']);
  });

  test('the rules lead to the runbooks of the copy that is named', () => {
    const rule = render('-f', join(CHART, 'ci/all-values.yaml')).find(({ kind }) => kind === 'PrometheusRule');
    const text = JSON.stringify(rule);
    expect(text).toContain('https://git.example.test/bailiwick/docs/runbooks/BailiwickAbsent.md');
    expect(text).not.toContain('"runbook_url":"docs/');
    expect(text).toContain('job:bailiwick_error_budget_burn:ratio_rate1h');
  });
});

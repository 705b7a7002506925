/**
 * Runs a scenario on a world of its own, through the composed service, and says what was not as it should be.
 *
 * After the last step, and with `VERIFY=1` after each, besides what the step expects, every surface is compared with
 * every other: see crossCheck.
 */
import { catalogue } from '../../src/contract/model.js';
import { presets } from '../../src/contract/presets.js';
import { eachOf } from './each-of.js';
import { claimFaults } from './scenario-claims.js';
import { crossCheck } from './scenario-cross-check.js';
import type { Stage } from './scenario-cross-check.js';
import type { Ask, Expectation, Scenario, Step, Table } from './scenario.js';
import { startService } from './service.js';
import type { Answered, As, RunningService } from './service.js';
import { createWorld } from './world.js';
import type { World } from './world.js';

/** Nobody's patience is tested here: a machine under load must not change an answer. */
export const PATIENCE = { requestTimeoutMs: 10_000, engineTimeoutMs: 10_000, decisionLog: 'async' } as const;
const TRIES = 5;

/** A service that is asked again where it could not decide: a 503 is no answer, and no scenario expects one. */
export async function startPatientService(world: World): Promise<RunningService> {
  const service = await startService(world, PATIENCE);
  async function patiently<Body>(ask: () => Promise<Answered<Body>>): Promise<Answered<Body>> {
    for (let tried = 1; ; tried += 1) {
      const answer = await ask();
      if (answer.status !== 503 || tried === TRIES) return answer;
    }
  }
  return {
    ...service,
    check: (body, more) => patiently(() => service.check(body, more)),
    listObjects: (body, more) => patiently(() => service.listObjects(body, more)),
    request: (path, body, more) => patiently(() => service.request(path, body, more)),
  };
}

/** What differed from what the scenario says, each as `step: what`; none when all is well. */
export async function runScenario(scenario: Scenario): Promise<string[]> {
  const world = await createWorld();
  try {
    const service = await startPatientService(world);
    try {
      const stage = { world, service, firstTokens: new Map<string, string>() };
      await setUp(scenario, stage);
      const faults: string[] = [];
      for (const step of scenario.steps) {
        for (const fault of await runStep(step, scenario, stage)) faults.push(`${step.name}: ${fault}`);
      }
      return faults;
    } finally {
      await service.stop();
    }
  } finally {
    await world.end();
  }
}

async function setUp({ tenants, users, sql }: Scenario, { world }: Stage): Promise<void> {
  for (const { id, preset, status } of tenants) await world.addTenant(id, preset, status);
  for (const { id, tenant = null, roles, status, platformAdmin } of users) {
    await world.addUser(tenant, id, roles);
    if (status === 'disabled') await world.sql(`update security.app_user set status = $2 where id = $1`, [id, status]);
    if (platformAdmin) await world.sql(`insert into identity.platform_admin (user_id) values ($1)`, [id]);
  }
  if (sql !== undefined) await world.sql(sql);
}

/** To compare all with all takes longer than the step itself. */
function isCompared(step: Step, { steps }: Scenario): boolean {
  return process.env['VERIFY'] === '1' || step === steps.at(-1);
}

async function runStep(
  step: Step,
  scenario: Scenario,
  stage: Stage & { readonly firstTokens: Map<string, string> },
): Promise<string[]> {
  const { world, service } = stage;
  const { sql, migration, at, expect } = step;
  if (sql !== undefined) await world.sql(sql);
  if (migration !== undefined) await world.migrationSql(migration);
  await service.settle();
  service.setNow(at === undefined ? undefined : new Date(at));
  const keys = new Map<string, string>();
  const asCaller = async (as: Ask['as']): Promise<As | undefined> => {
    if (as === undefined || 'user' in as) return as;
    const key = keys.get(as.key) ?? (await service.addKey(as.key));
    keys.set(as.key, key);
    return { key };
  };
  return [
    ...(await differences(questionsOf(expect), async ({ question, as }) => {
      const caller = await asCaller(as);
      return await answerTo(question, service, caller);
    })),
    ...expect.tables.flatMap((table) => presetFaults(table, scenario)),
    ...(await claimFaults(expect.claims, stage, stage.firstTokens)),
    ...(isCompared(step, scenario) ? await crossCheck(stage) : []),
  ];
}

interface Question {
  readonly question: { readonly check: unknown } | { readonly listObjects: unknown };
  readonly as?: Ask['as'];
  readonly label: string;
  readonly answer: string;
}

function questionsOf({ check, listObjects, tables, asks }: Expectation): Question[] {
  return [
    ...check.map(([user, permission, where, answer]): Question => {
      const [tenant = '', object] = where.split(/\/(.*)/s);
      const body = { user, permission, tenant, ...(object === undefined ? {} : { object }) };
      return { question: { check: body }, label: `${user} ${permission} ${where}`, answer };
    }),
    ...listObjects.map(([user, permission, tenant, ids]): Question => {
      const [type = ''] = permission.split('.');
      const body = { user, permission, tenant, type, limit: 1_000 };
      const answer = ids.map((id) => `${type}:${id}`).join(' ');
      return { question: { listObjects: body }, label: `${user} ${permission} ${tenant}`, answer };
    }),
    ...tables.flatMap(({ tenant, table }) =>
      table.map(({ user, permission, isHeld }): Question => {
        const body = { user, permission, tenant };
        const answer = isHeld ? 'allowed' : 'denied';
        return { question: { check: body }, label: `${user} ${permission} ${tenant}`, answer };
      }),
    ),
    ...asks.map(({ check, listObjects: list, as, answer }): Question => {
      const question = list === undefined ? { check } : { listObjects: list };
      const text = Array.isArray(answer) ? answer.join(' ') : answer;
      return { question, as, label: JSON.stringify({ ...question, as }), answer: text };
    }),
  ];
}

async function differences(
  questions: readonly Question[],
  ask: (question: Question) => Promise<string>,
): Promise<string[]> {
  const given = await eachOf(questions, ask);
  return questions.flatMap(({ label, answer }, index) =>
    given[index] === answer ? [] : [`${label} should be \`${answer}\`, is \`${given[index] ?? ''}\``],
  );
}

async function answerTo(question: Question['question'], service: RunningService, as?: As): Promise<string> {
  const more = as === undefined ? {} : { as };
  if ('check' in question) {
    const answered = await service.request<{ allowed: boolean }>('/check', question.check, more);
    return answered.status === 200 ? (answered.body.allowed === true ? 'allowed' : 'denied') : refusal(answered);
  }
  const answered = await service.request<{ items: string[]; complete: boolean }>(
    '/list-objects',
    question.listObjects,
    more,
  );
  if (answered.status !== 200) return refusal(answered);
  return [...(answered.body.items ?? []), ...(answered.body.complete === true ? [] : ['…'])].join(' ');
}

function refusal({ status, body }: Answered<unknown>): string {
  const fields = body.errors?.map(({ field }) => field).sort();
  return `${status} ${fields === undefined ? (body.code ?? '') : [...new Set(fields)].join(',')}`;
}

/** Where the table is not that of the preset's file, or leaves something out. */
function presetFaults({ preset, table, tenant }: Table, { users }: Scenario): string[] {
  if (preset === undefined) return [];
  const faults: string[] = [];
  const columns = [...new Set(table.map(({ user }) => user))];
  const rolesOf = (id: string): readonly string[] =>
    users.find((user) => user.id === id && user.tenant === tenant)?.roles ?? [];
  const shown = columns.flatMap(rolesOf).sort();
  const all = presets[preset].roles.map(({ name }) => name).sort();
  if (shown.join() !== all.join()) faults.push(`the table shows ${shown.join()} and the preset has ${all.join()}`);
  for (const user of columns) {
    const roles = rolesOf(user);
    const granted = presets[preset].roles.flatMap(({ name, permissions }): readonly string[] =>
      roles.includes(name) ? permissions : [],
    );
    for (const { id } of catalogue.filter(({ objectType }) => objectType === 'tenant')) {
      const cell = table.find((candidate) => candidate.user === user && candidate.permission === id);
      if (cell?.isHeld === granted.includes(id)) continue;
      const says = cell === undefined ? 'leaves it out' : `says ${cell.isHeld ? 'yes' : 'no'}`;
      faults.push(`${user} ${id}: the table ${says}, the preset ${granted.includes(id) ? 'grants it' : 'does not'}`);
    }
  }
  return faults;
}

/**
 * What `npm start` prints when all is ready. Lines to paste stand at the margin without a frame, so that they can be
 * copied as they are; and their answers are asked for, not assumed: whoever changed the demo world sees what holds now.
 */
import { demoCast } from './demo-world.js';
import { waitUntil } from './process.js';
import type { RunningFacts } from './running.js';

const RULE = '─'.repeat(100);
/** How long the questions of the box are asked again while nothing is decided. */
const ANSWER_TIMEOUT_MS = 10_000;

export interface BoxFacts extends RunningFacts {
  readonly logPath: string;
  readonly mailboxDir: string;
}

/** The lines of the box; asks the running service the two questions that it shows. */
export async function describeRunning(facts: BoxFacts): Promise<string[]> {
  return [
    '',
    RULE,
    '  Bailiwick runs. Development only: it believes whoever on this machine says who they are.',
    '',
    ...table({
      service: `${facts.service}/api/v1`,
      console: consoleOf(facts),
      management: `${facts.management}/metrics, /livez, /readyz?verbose`,
      psql: `psql '${facts.operatorUrl}'`,
      environment: 'eval "$(npm run -s env)"',
      'service key': `${facts.serviceKey}   (may ask any decision)`,
      ...(facts.demo === undefined
        ? {}
        : {
            'tenant admin': `${facts.demo.tenantAdminId}, of ${facts.demo.tenantId} (${demoCast.tenantName})`,
            '  signs in': `${facts.demo.tenantAdminEmail}   ${facts.demo.tenantAdminPassword}`,
            'platform admin': `${facts.demo.platformAdminId}, in the console at ${facts.service}/console/sign-in/platform`,
            '  signs in ': `${facts.demo.platformAdminEmail}   ${facts.demo.platformAdminPassword}`,
          }),
      mailbox: facts.mailboxDir,
      log: facts.logPath,
    }),
    '',
    ...(facts.demo === undefined
      ? ['  The demo world is not in this database: `npm start -- --reset` starts anew with it.']
      : [...(await examples(facts.service)), '', ...signInExample(facts.service, facts.demo)]),
    '',
    '  Ctrl-C stops everything; the data stays.',
    RULE,
  ];
}

/** Where the demo tenant's people sign in; without it, the address that asks where one belongs. */
function consoleOf({ service, demo }: BoxFacts): string {
  if (demo === undefined) return `${service}/console/`;
  return `http://${demo.tenantSlug}.localhost:${new URL(service).port}/console/   (or ${service}/console/sign-in/${demo.tenantSlug})`;
}

function table(rows: Readonly<Record<string, string>>): string[] {
  return Object.entries(rows).map(([name, value]) => `  ${name.padEnd(16)}${value}`);
}

interface Example {
  readonly title: string;
  readonly user: string;
}

const EXAMPLES: readonly Example[] = [
  { title: 'May the administrator assign roles?', user: demoCast.tenantAdminId },
  { title: 'May a viewer?', user: demoCast.viewerId },
];

async function examples(service: string): Promise<string[]> {
  const shown: string[] = [];
  for (const { title, user } of EXAMPLES) {
    const body = JSON.stringify({ user, permission: 'users.update', tenant: demoCast.tenantId });
    const url = `${service}/api/v1/check`;
    shown.push(
      ...(shown.length === 0 ? [] : ['']),
      `  ${title} ${await answerOf(url, body)}:`,
      `curl -sS ${url} -H 'content-type: application/json' \\`,
      `  -H 'x-user-id: ${demoCast.tenantAdminId}' -H 'x-tenant-id: ${demoCast.tenantId}' \\`,
      `  -d '${body}'`,
    );
  }
  return shown;
}

/** How the tenant's administrator signs in; platform users name the tenant `platform`. */
function signInExample(service: string, demo: NonNullable<RunningFacts['demo']>): string[] {
  const { tenantSlug: tenant, tenantAdminEmail: email, tenantAdminPassword: password } = demo;
  return [
    '  The administrator signs in, and gets a token:',
    `curl -sS ${service}/api/v1/auth/login -H 'content-type: application/json' \\`,
    `  -d '${JSON.stringify({ tenant, email, password })}'`,
  ];
}

/** What the service says to an example now, in a word. Its first questions can run out of time on a busy machine. */
async function answerOf(url: string, body: string): Promise<string> {
  let answer = '';
  await waitUntil(async () => {
    answer = await ask(url, body);
    return answer === 'Allowed' || answer === 'Denied';
  }, ANSWER_TIMEOUT_MS);
  return answer;
}

async function ask(url: string, body: string): Promise<string> {
  const headers = {
    'content-type': 'application/json',
    'x-user-id': demoCast.tenantAdminId,
    'x-tenant-id': demoCast.tenantId,
  };
  const response = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(5_000) });
  const answer: unknown = await response.json();
  if (!response.ok || typeof answer !== 'object' || answer === null || !('allowed' in answer)) {
    return `Not decided (${response.status})`;
  }
  return answer.allowed === true ? 'Allowed' : 'Denied';
}

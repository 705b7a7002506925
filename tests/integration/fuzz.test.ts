/**
 * Every operation of the contract with whatever may come, on the whole service: nothing is answered 500, nothing in a way
 * that the contract does not state, and nothing is polluted. `VERIFY=1` sends 50,000 requests; seed and size are printed.
 */
import { randomInt } from 'node:crypto';
import { Agent, request as httpRequest } from 'node:http';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { catalogue } from '../../src/contract/model.js';
import { createFuzzer } from '../support/fuzz/requests.js';
import type { FuzzedRequest } from '../support/fuzz/requests.js';
import { createRandom } from '../support/fuzz/values.js';
import { readOpenapi } from '../support/http-app.js';
import { openOffice } from '../support/office.js';
import type { Office } from '../support/office.js';
import { parseAnyProblem } from '../support/problem-schema.js';

const SIZE = process.env['VERIFY'] === '1' ? 50_000 : 3_000;
const SEED = Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 31));
const AT_ONCE = 8;
const WORDS_MAX = 400;

let office: Office;
beforeAll(async () => {
  office = await openOffice();
  await office.addRole('FUZZ', ['claims.read']);
  await office.addHolder('fay', ['acme.fuzz']);
});
afterAll(() => office.end());

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

function send({ operation, method, path, headers, body }: FuzzedRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { base } = office.service;
    const url = `${operation.basePath === undefined ? base : new URL(base).origin + operation.basePath}${path}`;
    const sent = httpRequest(url, { method, headers, agent }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => {
        const type = response.headers['content-type'] ?? '';
        resolve({ status: response.statusCode ?? 0, type, text: Buffer.concat(parts).toString() });
      });
    });
    sent.on('error', reject).end(body);
  });
}

/** What is wrong with an answer; undefined: nothing. */
function faultOf({ operation }: FuzzedRequest, { status, type, text }: Answer): string | undefined {
  if (status === 500) return `500 ${text}`;
  const item = document.paths[operation.path]?.[operation.method.toLowerCase()];
  if (!Object.hasOwn(item?.responses ?? {}, String(status))) return `${String(status)} is not in the contract: ${text}`;
  if (status < 400) return undefined;
  if (type !== 'application/problem+json; charset=utf-8') return `${String(status)} as ${type}`;
  const problem = parseAnyProblem(text);
  return problem.status === status ? undefined : `${String(status)} says ${String(problem.status)}`;
}

const document = readOpenapi();

test(
  `${String(SIZE)} requests to everything: no 500, and every answer is of the contract`,
  async () => {
    const random = createRandom(SEED);
    const words = new Set<string>([
      ...['acme', 'other', 'ada', 'vic', 'fay', 'root', 'oda', 'acme.fuzz', 'FUZZ', 'NEW_ROLE', 'a@example.com', 'emr'],
      ...[
        'record:r1',
        'record',
        'profile',
        'r1',
        'why not',
        '"3"',
        '0',
        'new-tenant',
        'An Office',
        '2026-11-26T00:00:00Z',
      ],
      ...catalogue.map(({ id }) => id),
    ]);
    const as = (user: string, tenant: string) => ({ 'x-user-id': user, 'x-tenant-id': tenant });
    const inside = await office.impersonate('acme');
    const impersonation = typeof inside === 'object' && 'impersonation' in inside ? inside.impersonation : undefined;
    const key = { authorization: `Bearer ${await office.service.addKey('acme')}` };
    const next = createFuzzer(document, {
      random,
      words: () => [...words],
      callers: [
        ...[as('ada', 'acme'), as('ada', 'acme'), as('ada', 'acme'), as('vic', 'acme'), as('root', 'acme')],
        ...[{ ...as('root', 'acme'), 'x-impersonation-id': impersonation ?? '' }, key, {}],
      ],
    });
    const statuses = new Map<string, number>();
    const faults: string[] = [];
    const done = new Set<string>();

    async function one(): Promise<void> {
      const request = next();
      const answer = await send(request);
      const fault = faultOf(request, answer);
      if (fault !== undefined) {
        const sent = `${request.method} ${request.path.slice(0, 200)} ${request.body?.slice(0, 300) ?? ''}`;
        faults.push(
          `${request.operation.id}: ${fault.slice(0, 400)} ← ${sent} ${JSON.stringify(request.headers).slice(0, 300)}`,
        );
      }
      if (answer.status < 300) done.add(request.operation.id);
      const group = String(answer.status);
      statuses.set(group, (statuses.get(group) ?? 0) + 1);
      learnWords(answer, words);
    }
    for (let sent = 0; sent < SIZE && faults.length < 20; sent += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, one));
    }
    const counts = [...statuses].sort().map(([status, times]) => `${status}: ${String(times)}`);
    process.stdout.write(`fuzz: seed ${String(SEED)}, ${String(SIZE)} requests: ${counts.join(', ')}; `);
    process.stdout.write(`${String(done.size)} operations carried out\n`);
    expect(faults).toEqual([]);
    // Most are carried out with a few hundred requests; a fuzzer that reaches none shows nothing.
    expect(done.size).toBeGreaterThan(20);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  },
  SIZE * 200,
);

/** Ids, tokens and cursors that an answer names are words of the next requests. */
function learnWords({ status, text }: Answer, words: Set<string>): void {
  if (status >= 300 || words.size > WORDS_MAX) return;
  for (const [, word] of text.matchAll(
    /"(?:id|roleId|nextCursor|syncToken|etag|userId|impersonationId)":"([^"\\]{1,500})"/g,
  )) {
    if (word !== undefined) words.add(word);
  }
}

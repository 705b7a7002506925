/**
 * The hands of a walk-through: it asks the service and the database, prints what it asked and what came back, and counts
 * what came out otherwise than the document says.
 *
 * Requests go through node:http, because a tenant is found by the host name that was asked, and `fetch` sets its own.
 */
import { request as httpRequest } from 'node:http';

/**
 * @typedef {Record<string, unknown>} Row
 * @typedef {object} Item What a page holds, whatever it is a page of.
 * @property {string} id
 * @property {string} slug
 * @property {string} email
 * @property {string} roleName
 * @property {boolean} isSystem
 * @property {string[]} permissionIds
 * @property {string} actorUserId
 *
 * @typedef {object} Body What an answer may hold, as far as the documents ask; the contract says what each one does;
 *   what is not there shows itself by an expectation that is not met.
 * @property {string} [code]
 * @property {string} [detail]
 * @property {string} id
 * @property {Item[]} [items]
 * @property {Item} [user]
 * @property {string} userId
 * @property {string[]} roleNames
 * @property {string} accessToken
 * @property {boolean} mustChangePassword
 * @property {string} oneTimePassword
 * @property {string} mail
 * @property {string} delivery
 * @property {object | null} settings
 *
 * @typedef {{ status: number, body: Body, headers: import('node:http').IncomingHttpHeaders }} Answer
 * @typedef {{ token?: string, host?: string, body?: unknown }} Asking
 * @typedef {object} Surroundings
 * @property {string} base Ends in `/api/v1`.
 * @property {string} domain Tenants sign in at `<slug>.` and this.
 * @property {{ email: string, password: string }} platformAdmin
 * @property {(text: string) => Promise<Row[]>} sql
 * @property {(line: string) => void} print
 */

/** @typedef {ReturnType<typeof createWalk>} Walk */

/** @param {Surroundings} surroundings */
export function createWalk({ base, domain, platformAdmin, sql, print }) {
  /** @type {string[]} */
  const differences = [];

  /**
   * Says what the document expects, and whether it is so.
   * @param {string} what
   * @param {unknown} found
   * @param {unknown} wanted
   */
  function expect(what, found, wanted) {
    const isSo = JSON.stringify(found) === JSON.stringify(wanted);
    print(`    ${isSo ? 'ok ' : 'NOT'}  ${what}: ${JSON.stringify(found)}`);
    if (isSo) return;
    print(`         expected ${JSON.stringify(wanted)}`);
    differences.push(what);
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {Asking} [asking]
   * @returns {Promise<Answer>}
   */
  async function ask(method, path, { token, host, body } = {}) {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      'timeout-ms': '10000',
      ...(host === undefined ? {} : { host }),
      ...(text === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    const answer = await send(`${base}${path}`, { method, headers, text });
    const shown = hidden(body);
    print(
      `    > ${method} ${path}${host === undefined ? '' : `   (host ${host})`}${shown === undefined ? '' : ` ${shown}`}`,
    );
    print(
      `    < ${String(answer.status)}${answer.body.code === undefined ? '' : ` ${answer.body.code}: ${String(answer.body.detail)}`}`,
    );
    return answer;
  }

  return {
    domain,
    platformAdmin,
    differences,
    expect,
    ask,
    /** @param {string} text */
    title: (text) => print(`\n== ${text}`),
    /** @param {string} text */
    step: (text) => print(`\n  ${text}`),
    /** @param {string} text */
    note: (text) => print(`    --  ${text}`),
    /**
     * One statement as the document prints it, with what stands in its place.
     * @param {string} text
     */
    async sql(text) {
      print(text.replaceAll(/^/gm, '    # '));
      const rows = await sql(text);
      for (const row of rows.slice(0, 20)) print(`    | ${Object.values(row).map(cell).join(' | ')}`);
      print(`    (${String(rows.length)} ${rows.length === 1 ? 'row' : 'rows'})`);
      return rows;
    },
    /**
     * Signs in at the tenant's address; `slug` undefined is the bare host.
     * @param {string | undefined} slug
     * @param {{ email: string, password: string }} who
     */
    signIn: (slug, who) =>
      ask('POST', '/auth/login', {
        host: slug === undefined ? domain : `${slug}.${domain}`,
        body: { email: who.email, password: who.password },
      }),
    /** @returns {Promise<string>} A token of the platform admin. */
    async signInAbove() {
      const { status, body } = await ask('POST', '/auth/login', { body: { tenant: 'platform', ...platformAdmin } });
      if (status !== 200) throw new Error('the platform admin cannot sign in: nothing else can be tried');
      return body.accessToken;
    },
  };
}

/** @param {unknown} value */
const cell = (value) => (typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value));

/**
 * A body as it may be printed.
 * @param {unknown} body
 */
function hidden(body) {
  if (body === undefined) return undefined;
  return JSON.stringify(body, (key, /** @type {unknown} */ value) =>
    /password$/i.test(key) && typeof value === 'string' ? '…' : value,
  );
}

/**
 * @param {string} url
 * @param {{ method: string, headers: Record<string, string>, text: string | undefined }} what
 * @returns {Promise<Answer>}
 */
function send(url, { method, headers, text }) {
  return new Promise((resolve, reject) => {
    const sending = httpRequest(url, { method, headers }, (response) => {
      /** @type {Buffer[]} */
      const chunks = [];
      response.on('data', (/** @type {Buffer} */ chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const answered = Buffer.concat(chunks).toString();
        /** @type {unknown} */
        const parsed = answered === '' ? {} : JSON.parse(answered);
        const body = /** @type {Body} */ (parsed);
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
      });
    });
    sending.on('error', reject);
    sending.end(text);
  });
}

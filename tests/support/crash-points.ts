/**
 * The points at which a process is killed: each brings the stack to a moment that can be seen from outside (a lock that is
 * held, bytes that do not arrive, a tuple that is there while its entry is), so that nothing of the service has to know of
 * it. What was acknowledged is noted as it is: by the commit for SQL, by the answer for the service.
 */
import type { Tx } from '../../src/platform/postgres.js';
import type { CrashStack } from './crash-stack.js';

/** What the rows must say afterwards, because somebody was told so. */
export interface Acknowledged {
  readonly userId: string;
  readonly isAssigned: boolean;
}

export interface Moment {
  readonly crash: CrashStack;
  /** Users of tenant `t` that this moment has for itself; the first is assigned already, the others are not. */
  readonly users: readonly [string, string, ...string[]];
  readonly acknowledged: Acknowledged[];
}

/** Resolves when the moment has come; what it resolves to ends it, whatever was killed. */
export type Point = (moment: Moment) => Promise<() => Promise<void>>;

export const ROLE = 't.biller';
const tupleOf = (userId: string) => ({ user: `user:${userId}`, relation: 'a', object: `role:t/${ROLE}` });

async function until(what: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 20_000;
  while (!(await what())) {
    if (performance.now() > end) throw new Error('the moment did not come');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const ASSIGN = `insert into security.user_role (user_id, role_id) values ($1, '${ROLE}')`;
const REVOKE = `update security.user_role set revoked_at = now() where user_id = $1 and revoked_at is null`;

/** One revocation and one assignment, each acknowledged by its commit. */
async function change({ crash, users: [old, young], acknowledged }: Moment): Promise<void> {
  await crash.sql(REVOKE, [old]);
  acknowledged.push({ userId: old, isAssigned: false });
  await crash.sql(ASSIGN, [young]);
  acknowledged.push({ userId: young, isAssigned: true });
}

/** Holds a transaction of the superuser open until the function that it resolves to is called. */
async function holding({ owner }: CrashStack, begin: (tx: Tx) => Promise<unknown>): Promise<() => Promise<void>> {
  let letGo: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (letGo = resolve));
  let held: Promise<unknown> = Promise.resolve();
  await new Promise<void>((resolve, reject) => {
    held = owner.transaction(async (tx) => {
      await begin(tx);
      resolve();
      await released;
    });
    held.catch(reject);
  });
  return async () => {
    letGo();
    // Where Postgres was killed, it ended with it.
    await held.catch(() => undefined);
  };
}

const locking = (crash: CrashStack, table: string) =>
  holding(crash, (tx) => tx.query({ text: `lock table ${table} in exclusive mode` }));
const isClaimed = async ({ operator }: CrashStack): Promise<boolean> => {
  const text = `select from sync.claim where cardinality(entry_ids) > 0 limit 1`;
  return (await operator.transaction((tx) => tx.query({ text }))).rowCount > 0;
};
const isWaitingFor = async ({ owner }: CrashStack, table: string): Promise<boolean> => {
  const text = `select from pg_locks where not granted and relation = $1::regclass limit 1`;
  return (await owner.transaction((tx) => tx.query({ text, values: [table] }))).rowCount > 0;
};

/** A request of an administrator, whose answer may never come. */
function administer({ served }: CrashStack, userId: string): Promise<boolean> {
  return fetch(`${served().base}/admin/users/${userId}/roles`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-user-id': 'boss', 'x-tenant-id': 't' },
    body: JSON.stringify({ roleId: ROLE }),
  }).then(
    ({ ok }) => ok,
    () => false,
  );
}

export const POINTS: Readonly<Record<string, Point>> = {
  async 'rows written, not committed'({ crash, users: [, young], acknowledged }) {
    const commit = await holding(crash, (tx) => tx.query({ text: ASSIGN, values: [young] }));
    return async () => {
      await commit();
      const { rowCount } = await crash.operator
        .transaction((tx) => tx.query({ text: `select from security.user_role where user_id = $1`, values: [young] }))
        .catch(() => ({ rowCount: 0 }));
      if (rowCount > 0) acknowledged.push({ userId: young, isAssigned: true });
    };
  },
  async 'committed, not seen by the projector'(moment) {
    moment.crash.served().child.kill('SIGSTOP');
    await change(moment);
    return () => Promise.resolve(void moment.crash.served().child.kill('SIGCONT'));
  },
  async 'claimed, the write not sent'(moment) {
    await moment.crash.proxy.set('hang');
    await change(moment);
    await until(() => isClaimed(moment.crash));
    return () => moment.crash.proxy.set('pass');
  },
  async 'written to the engine, its answer lost'(moment) {
    await moment.crash.proxy.set('mute');
    await change(moment);
    await until(() => moment.crash.holds(tupleOf(moment.users[1])));
    return () => moment.crash.proxy.set('pass');
  },
  async 'written to the engine, the entry not removed'(moment) {
    const release = await locking(moment.crash, 'sync.applied');
    await change(moment);
    await until(() => moment.crash.holds(tupleOf(moment.users[1])));
    return release;
  },
  async 'between two chunks of one change'(moment) {
    const { crash, users, acknowledged } = moment;
    crash.proxy.setDelay(150);
    await crash.sql(`insert into security.user_role (user_id, role_id) select unnest($1::text[]), '${ROLE}'`, [
      users.slice(1),
    ]);
    acknowledged.push(...users.slice(1).map((userId) => ({ userId, isAssigned: true })));
    await until(async () =>
      (await Promise.all(users.slice(1).map((user) => crash.holds(tupleOf(user))))).includes(true),
    );
    return () => {
      crash.proxy.setDelay(0);
      return Promise.resolve();
    };
  },
  async 'a table is being rebuilt'(moment) {
    await moment.crash.proxy.set('hang');
    await moment.crash.owner.transaction((tx) => tx.query({ text: `truncate security.record` }));
    await change(moment);
    return () => moment.crash.proxy.set('pass');
  },
  async 'an administrator’s change waits for a row'({ crash, users: [, young], acknowledged }) {
    const release = await holding(crash, (tx) =>
      tx.query({ text: `select from security.app_user where id = $1 for update`, values: [young] }),
    );
    const answer = administer(crash, young);
    await new Promise((resolve) => setTimeout(resolve, 100));
    return async () => {
      await release();
      if (await answer) acknowledged.push({ userId: young, isAssigned: true });
    };
  },
  async 'an administrator’s change is committed, its answer waits'({ crash, users: [, young], acknowledged }) {
    await crash.proxy.set('mute');
    const answer = administer(crash, young);
    await new Promise((resolve) => setTimeout(resolve, 100));
    return async () => {
      await crash.proxy.set('pass');
      if (await answer) acknowledged.push({ userId: young, isAssigned: true });
    };
  },
  async 'decisions are being written down'(moment) {
    const { crash, users } = moment;
    const release = await locking(crash, 'audit.decision');
    const asked = fetch(`${crash.served().base}/check`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-user-id': users[0], 'x-tenant-id': 't' },
      body: JSON.stringify({ user: users[0], permission: 'claims.read', tenant: 't' }),
    }).catch(() => undefined);
    await until(() => isWaitingFor(crash, 'audit.decision'));
    await change(moment);
    return async () => {
      await release();
      await asked;
    };
  },
  async 'entries are being sealed'(moment) {
    const release = await locking(moment.crash, 'audit.seal');
    await change(moment);
    await until(() => isWaitingFor(moment.crash, 'audit.seal'));
    return release;
  },
  async 'a checkpoint is being kept'(moment) {
    const release = await locking(moment.crash, 'audit.checkpoint');
    await change(moment);
    await until(() => isWaitingFor(moment.crash, 'audit.checkpoint'));
    return release;
  },
  async 'any moment under writes'(moment) {
    const { crash, users, acknowledged } = moment;
    for (const userId of users.slice(1, 40)) {
      await crash.sql(ASSIGN, [userId]);
      acknowledged.push({ userId, isAssigned: true });
    }
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 40));
    return () => Promise.resolve();
  },
};

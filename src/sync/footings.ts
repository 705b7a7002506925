/**
 * What the answers of each tenant stand on (`Footing` of src/shared/sync-gate.ts): the part of the gate that a decision
 * cache relies on. No I/O of its own: src/sync/gate.ts feeds it.
 *
 * A footing is an object, and its identity is the position: it is given out until something moves, and never again. It
 * is read from the database in one snapshot: the versions applied, that nothing is pending (so that rows and tuples say
 * the same), and the next edge of any window.
 *
 * INVARIANT: a footing is given only while the feed was confirmed at most `silenceMs` ago, nothing of the tenant or the
 * platform has been heard to move since its snapshot, and the moment asked about lies between it and the next edge.
 * tests/unit/footings.test.ts; tests/integration/decision-cache.test.ts against the engine.
 */
import type { Footing } from '../shared/sync-gate.js';

/** A tenant as one snapshot has it. */
export interface TenantState {
  readonly tenantId: string;
  readonly version: number;
  readonly platformVersion: number;
  /** Whether anything of the tenant or the platform is not in force yet. */
  readonly isPending: boolean;
  /** The next edge of a window after the moment asked about, in milliseconds since 1970; null: there is none. */
  readonly until: number | null;
}

/** What one look at the feed found. */
export interface Heard {
  /** Whether `applied` is all there is, and not only what moved lately. */
  readonly isWhole: boolean;
  readonly applied: readonly { readonly tenantId: string; readonly version: number }[];
  /** Tenants ('' the platform) whose tuples are being written, or may be. */
  readonly moving: readonly string[];
}

export interface FootingsOptions {
  /** Reads tenants in one snapshot; the edges are those after `from`. */
  readonly read: (tenantIds: readonly string[], from: number) => Promise<TenantState[]>;
  /** The service's clock, milliseconds since 1970. */
  readonly now: () => number;
  /** Hears how many tenants have lost their footing, and why. */
  readonly onLost?: (count: number, reason: 'change' | 'time') => void;
  readonly silenceMs?: number;
  /** A clock that nobody sets. */
  readonly ticks?: () => number;
}

export interface Footings {
  readonly get: (tenantId: string, at: number) => Footing | undefined;
  readonly version: (tenantId: string) => number | undefined;
  /** What the feed said when it was asked at `askedAt` ticks. */
  readonly hear: (heard: Heard, askedAt: number) => void;
  /** A version read in passing. */
  readonly note: (tenantId: string, version: number) => void;
  /** The truth may be another one: nothing that is known counts any longer. */
  readonly forget: () => void;
  /** Resolves when nothing is being read. */
  readonly idle: () => Promise<void>;
}

/** The feed's silence past which nothing leaves the cache. */
export const SILENCE_MS = 500;
/** The most tenants whose footing is kept: a caller may ask about tenants that do not exist. */
const TENANTS_MAX = 10_000;
/** The most tenants of one read. */
const READ_MAX = 200;
/** Before a tenant with something pending is looked at again. */
const PENDING_MS = 10;

export function createFootings(options: FootingsOptions): Footings {
  const { silenceMs = SILENCE_MS, ticks = () => performance.now(), onLost = () => undefined } = options;
  const versions = new Map<string, number>();
  const footings = new Map<string, Footing>();
  const wanted = new Set<string>();
  const notBefore = new Map<string, number>();
  /** Tenants of the read under way that nothing has been heard of since it began. */
  let undisturbed = new Set<string>();
  let confirmedAt = -Infinity;
  let reading: Promise<void> | undefined;

  function lose(tenantId: string): void {
    if (tenantId === '') {
      if (footings.size > 0) onLost(footings.size, 'change');
      footings.clear();
      undisturbed.clear();
      return;
    }
    if (footings.delete(tenantId)) onLost(1, 'change');
    undisturbed.delete(tenantId);
  }

  function note(tenantId: string, version: number): void {
    if (version <= (versions.get(tenantId) ?? 0)) return;
    versions.set(tenantId, version);
    lose(tenantId);
  }

  /** After a silence: versions may have gone back as well, where the truth was replaced. One without a row is at 0. */
  function replaceVersions(whole: ReadonlyMap<string, number>): void {
    for (const tenantId of new Set([...versions.keys(), ...whole.keys(), ...footings.keys()])) {
      if ((versions.get(tenantId) ?? 0) !== (whole.get(tenantId) ?? 0)) lose(tenantId);
    }
    versions.clear();
    for (const [tenantId, version] of whole) versions.set(tenantId, version);
  }

  function want(tenantId: string): void {
    const pendingUntil = notBefore.get(tenantId);
    if (wanted.size >= READ_MAX || (pendingUntil !== undefined && ticks() < pendingUntil)) return;
    wanted.add(tenantId);
    reading ??= readWanted()
      .catch(() => undefined)
      .finally(() => (reading = undefined));
  }

  async function readWanted(): Promise<void> {
    // What is wanted in the same turn is read in the same snapshot.
    await Promise.resolve();
    while (wanted.size > 0) {
      const tenantIds = [...wanted];
      wanted.clear();
      undisturbed = new Set(tenantIds);
      const from = options.now();
      const states = await options.read(tenantIds, from);
      const stand = new Set(undisturbed);
      for (const { tenantId, version, platformVersion } of states) {
        note('', platformVersion);
        note(tenantId, version);
      }
      for (const state of states) if (stand.has(state.tenantId)) settle(state, from);
    }
  }

  function settle({ tenantId, version, platformVersion, isPending, until }: TenantState, from: number): void {
    if (version !== (versions.get(tenantId) ?? 0) || platformVersion !== (versions.get('') ?? 0)) return;
    if (isPending) {
      if (notBefore.size >= TENANTS_MAX) notBefore.clear();
      notBefore.set(tenantId, ticks() + PENDING_MS);
      return;
    }
    notBefore.delete(tenantId);
    const [oldest] = footings.keys();
    if (footings.size >= TENANTS_MAX && oldest !== undefined) footings.delete(oldest);
    footings.set(tenantId, { from, until: until ?? Infinity });
  }

  return {
    get(tenantId, at) {
      if (ticks() - confirmedAt > silenceMs) return undefined;
      const footing = footings.get(tenantId);
      if (footing !== undefined && at >= footing.from && at < footing.until) return footing;
      if (footing !== undefined) {
        footings.delete(tenantId);
        onLost(1, 'time');
      }
      want(tenantId);
      return undefined;
    },
    version: (tenantId) => versions.get(tenantId),
    hear({ isWhole, applied, moving }, askedAt) {
      if (isWhole) replaceVersions(new Map(applied.map(({ tenantId, version }) => [tenantId, version])));
      else for (const { tenantId, version } of applied) note(tenantId, version);
      for (const tenantId of moving) lose(tenantId);
      confirmedAt = askedAt;
    },
    note,
    forget() {
      versions.clear();
      lose('');
    },
    idle: () => reading ?? Promise.resolve(),
  };
}

/**
 * Random hands on a log that checkpoints cover: every one is found, given the checkpoints; and what they cannot find
 * without them is not found, so that nobody takes the seals alone for more than they are.
 * `VERIFY=1` takes 10,000.
 */
import { describe, expect, test } from 'vitest';

import { batchLines, logLine, parseExport, prunedLine, tailLine } from '../../src/audit/ledger-file.js';
import { KnownRoots } from '../../src/audit/known-roots.js';
import { emptyLog, entryHash, HASH_BYTES } from '../../src/audit/ledger.js';
import type { Entry } from '../../src/audit/ledger.js';
import { verifyLog } from '../../src/audit/verify.js';
import type { Batch, Verdict } from '../../src/audit/verify.js';
import { verifyExportedLog } from '../../src/audit/verify-ledger.js';
import { checkpointAfter, madeEntry, ORIGIN, seal } from '../support/made-log.js';

const CASES = process.env['VERIFY'] === undefined ? 500 : 10_000;
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

/** A small generator of numbers, the same for the same seed (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

interface Log {
  readonly batches: readonly Batch[];
  /** Batches that the last checkpoint covers. */
  readonly covered: number;
}

type Random = (below: number) => number;
type Tampering = (log: Log, random: Random) => Batch[];

const entriesOf = (batches: readonly Batch[]): Entry[] => batches.flatMap(({ entries }) => entries ?? []);

/** Replaces the entries of one covered batch. */
function onEntries(change: (entries: Entry[], random: Random) => Entry[]): Tampering {
  return ({ batches, covered }, random) => {
    const target = random(covered);
    return batches.map((batch, at) =>
      at === target ? { ...batch, entries: change([...(batch.entries ?? [])], random) } : batch,
    );
  };
}

/** Replaces covered entries, seals everything again as an owner of the database can. */
function rewritten(change: (entries: Entry[], random: Random) => Entry[]): Tampering {
  return ({ batches, covered }, random) => {
    const isCovered = batches.slice(0, covered);
    const sizes = batches.map(({ entries = [] }) => entries.length);
    return seal([...change(entriesOf(isCovered), random), ...entriesOf(batches.slice(covered))], sizes);
  };
}

function edit(entries: Entry[], random: Random): Entry[] {
  const target = random(entries.length);
  return entries.map((entry, at) => {
    if (at !== target) return entry;
    const place = random(entry.text.length);
    const other = entry.text[place] === 'x' ? 'y' : 'x';
    return { ...entry, text: entry.text.slice(0, place) + other + entry.text.slice(place + 1) };
  });
}

function remove(entries: Entry[], random: Random): Entry[] {
  entries.splice(random(entries.length), 1);
  return entries;
}

function insert(entries: Entry[], random: Random): Entry[] {
  // Not after the last one: a row more at the end of what is covered is a row that is not covered.
  entries.splice(random(entries.length), 0, madeEntry(9_000 + random(100), ' forged'));
  return entries;
}

function replay(entries: Entry[], random: Random): Entry[] {
  const again = entries[random(Math.max(1, entries.length - 1))];
  if (again !== undefined) entries.splice(random(entries.length), 0, again);
  return entries;
}

function swap(entries: Entry[], random: Random): Entry[] {
  if (entries.length < 2) return edit(entries, random);
  const [a, b] = [random(entries.length - 1), entries.length - 1];
  const [first, second] = [entries[a], entries[b]];
  if (first !== undefined && second !== undefined) [entries[a], entries[b]] = [second, first];
  return entries;
}

/** Cuts the log inside what is covered. */
const truncate: Tampering = ({ batches, covered }, random) => batches.slice(0, random(covered));

const dropBatch: Tampering = ({ batches, covered }, random) => batches.toSpliced(random(covered), 1);

const replayBatch: Tampering = ({ batches, covered }, random) => {
  const again = batches[random(covered)];
  return again === undefined ? [] : batches.toSpliced(random(covered), 0, again);
};

const swapBatches: Tampering = (log, random) => {
  const { batches, covered } = log;
  const at = random(covered - 1);
  const [first, second] = [batches[at], batches[at + 1]];
  return first === undefined || second === undefined ? [] : batches.toSpliced(at, 2, second, first);
};

/** An entry with a hash of its own again, and nothing after it. */
const editWithHash: Tampering = ({ batches, covered }, random) => {
  const target = random(covered);
  return batches.map((batch, at) => {
    if (at !== target || batch.entries === undefined) return batch;
    const entries = edit([...batch.entries], random);
    const leaves = Buffer.from(batch.seal.leaves);
    let prev = batch.seal.prev;
    entries.forEach(({ text }, place) => {
      prev = entryHash(prev, batch.seal.firstSeq + place, text);
      leaves.set(prev, place * HASH_BYTES);
    });
    return { entries, seal: { ...batch.seal, leaves, head: random(2) === 0 ? prev : batch.seal.head } };
  });
};

const editSeal: Tampering = ({ batches, covered }, random) => {
  const target = random(covered);
  return batches.map((batch, at) => {
    if (at !== target) return batch;
    const { seal: was } = batch;
    const flipped = (buffer: Buffer): Buffer => {
      const copy = Buffer.from(buffer);
      const place = random(copy.length);
      copy[place] = (copy[place] ?? 0) ^ (1 << random(8));
      return copy;
    };
    const changes = [
      { prev: flipped(was.prev) },
      { head: flipped(was.head) },
      { root: flipped(was.root) },
      { frontier: flipped(was.frontier) },
      { leaves: flipped(was.leaves) },
      { leaves: was.leaves.subarray(HASH_BYTES) },
      { batch: was.batch + 1 },
      { firstSeq: was.firstSeq + 1 },
      { lastSeq: was.lastSeq + 1 },
      { lastXid: `${was.lastXid}0` },
      { lastId: `${was.lastId}0` },
      { firstAtMs: was.firstAtMs - 1_000 },
      { lastAtMs: was.lastAtMs + 1_000 },
    ];
    return { ...batch, seal: { ...was, ...changes[random(changes.length)] } };
  });
};

const TAMPERINGS: Record<string, Tampering> = {
  edit: onEntries(edit),
  remove: onEntries(remove),
  insert: onEntries(insert),
  replay: onEntries(replay),
  swap: onEntries(swap),
  truncate,
  dropBatch,
  replayBatch,
  swapBatches,
  editSeal,
  editWithHash,
  'edit, rewritten': rewritten(edit),
  'remove, rewritten': rewritten(remove),
  'insert, rewritten': rewritten(insert),
  'replay, rewritten': rewritten(replay),
  'swap, rewritten': rewritten(swap),
};

function makeLog(random: Random): Log {
  const entries = Array.from({ length: 12 + random(20) }, (_, at) => madeEntry(at + 1));
  const batches = seal(
    entries,
    Array.from({ length: 60 }, () => 1 + random(6)),
  );
  return { batches, covered: 2 + random(batches.length - 2) };
}

async function verify(batches: readonly Batch[], covered: readonly number[], log: Log): Promise<Verdict> {
  const checkpoints = KnownRoots.of(covered.map((count) => checkpointAfter(log.batches, count)));
  return await verifyLog(batches, { origin: ORIGIN, checkpoints, pruned: [], toEnd: true });
}

describe(`${String(CASES)} random tamperings of covered entries (seed ${String(SEED)})`, () => {
  test('are all found, given the checkpoint', async () => {
    const random = randomFrom(SEED);
    const names = Object.keys(TAMPERINGS);
    const found: Record<string, number> = {};
    const missed: string[] = [];
    for (let turn = 0; turn < CASES; turn += 1) {
      const log = makeLog(random);
      const name = names[turn % names.length] ?? '';
      const hand = TAMPERINGS[name];
      if (hand === undefined) throw new Error(name);
      const { fault } = await verify(hand(log, random), [log.covered], log);
      if (fault === undefined) missed.push(`${String(turn)} ${name}`);
      found[name] = (found[name] ?? 0) + 1;
    }
    expect(missed).toEqual([]);
    expect(Object.keys(found)).toEqual(names);
  }, 120_000);

  test('controls: a log that nobody touched verifies, with any checkpoints of it', async () => {
    const random = randomFrom(SEED);
    for (let turn = 0; turn < CASES / 20; turn += 1) {
      const log = makeLog(random);
      const size = entriesOf(log.batches).length;
      const verdict = await verify(log.batches, [1, log.covered, log.covered], log);
      expect(verdict).toMatchObject({ fault: undefined, verified: size });
      expect(verdict.covered).toBe(log.batches[log.covered - 1]?.seal.lastSeq);
    }
  });

  test('controls: without the checkpoint a whole rewrite and a cut tail are not found', async () => {
    const random = randomFrom(SEED);
    for (const name of ['truncate', 'edit, rewritten', 'remove, rewritten', 'insert, rewritten', 'swap, rewritten']) {
      for (let turn = 0; turn < 20; turn += 1) {
        const log = makeLog(random);
        const batches = TAMPERINGS[name]?.(log, random) ?? [];
        expect((await verify(batches, [], log)).fault, name).toBeUndefined();
      }
    }
  });

  test('where is said: the first entry that is not what it was', async () => {
    const random = randomFrom(SEED);
    for (let turn = 0; turn < 50; turn += 1) {
      const log = makeLog(random);
      const target = random(log.covered);
      const batch = log.batches[target];
      const place = random(batch?.entries?.length ?? 1);
      const changed = log.batches.map((each, at) =>
        at === target
          ? { ...each, entries: (each.entries ?? []).map((entry, nth) => (nth === place ? madeEntry(0) : entry)) }
          : each,
      );
      const seq = (batch?.seal.firstSeq ?? 0) + place;
      expect((await verify(changed, [log.covered], log)).fault).toMatchObject({ seq });
    }
  });
});

describe('an export', () => {
  const random = randomFrom(SEED);
  const log = makeLog(random);
  const checkpoints = [checkpointAfter(log.batches, log.batches.length)];
  const head = logLine({ lane: 'admin', origin: ORIGIN }, emptyLog(ORIGIN));
  const lines = [head, ...log.batches.flatMap(batchLines), tailLine(3)];
  const wanted = { from: undefined, to: undefined, checkpoints, key: undefined, allowPruned: false };
  const judge = async (text: readonly string[], more: Partial<typeof wanted> = {}) =>
    await verifyExportedLog(await parseExport(text), { ...wanted, ...more });

  test('verifies as the log does, and says what it does not cover', async () => {
    const size = entriesOf(log.batches).length;
    expect(await judge(lines)).toMatchObject({
      fault: undefined,
      verified: size,
      covered: size,
      uncovered: 0,
      unsealed: 3,
    });
  });

  test('that hides something behind what it says of itself is not believed', async () => {
    const first = log.batches[0];
    if (first === undefined) throw new Error('there is a batch');
    const rest = log.batches.slice(1).flatMap(batchLines);
    const bare = batchLines({ ...first, entries: undefined });
    expect((await judge([head, ...bare, ...rest, tailLine(0)])).fault, 'hashes only').toBeDefined();
    const pruned = prunedLine({ from: 1, to: first.seal.lastSeq });
    const gone = [head, pruned, ...bare, ...rest, tailLine(0)];
    expect((await judge(gone)).fault, 'said to be pruned').toMatchObject({ seq: 1 });
    const later = logLine({ lane: 'admin', origin: ORIGIN }, { ...emptyLog(ORIGIN), batch: 1, head: first.seal.head });
    expect((await judge([later, ...rest, tailLine(0)])).fault, 'a later beginning').toBeDefined();
    const renamed = logLine({ lane: 'admin', origin: `x${ORIGIN}` }, emptyLog(`x${ORIGIN}`));
    expect((await judge([renamed, tailLine(0)])).fault?.what, 'another log').toMatch(/checkpoints are of/);
    expect((await judge([head, tailLine(0)])).fault, 'nothing').toMatchObject({ seq: 1 });
    await expect(judge(lines.slice(0, -1)), 'cut short').rejects.toThrow(/cut short/);
    await expect(judge(['{}']), 'no export').rejects.toThrow(/not a line of an export/);
  });

  test('with a byte changed anywhere is found, or is no export any more', async () => {
    const text = lines.join('\n');
    let found = 0;
    for (let turn = 0; turn < 100; turn += 1) {
      const at = random(text.length);
      const changed =
        text.slice(0, at) + String.fromCharCode((text.charCodeAt(at) ^ (1 << random(5))) | 32) + text.slice(at + 1);
      if (changed === text) continue;
      const outcome = await judge(changed.split('\n')).then(
        ({ fault, unsealed }) => (fault === undefined && unsealed === 3 ? 'missed' : 'found'),
        () => 'refused',
      );
      // Base64 has bits that mean nothing; a name that no reader reads may change.
      if (outcome === 'missed')
        expect(harmless(text, changed), `at ${String(at)}: ${changed.slice(at - 20, at + 20)}`).toBe(true);
      else found += 1;
    }
    expect(found).toBeGreaterThan(75);
  });

  test('with entries that hold every separator of lines keeps them', async () => {
    const entries = [
      madeEntry(1, String.raw`\u2028`),
      { ...madeEntry(2), text: `${madeEntry(2).text}\u2028\u2029\u0085` },
    ];
    const batches = seal(entries, [2]);
    const text = [head, ...batches.flatMap(batchLines), tailLine(0)].join('\n');
    const split = text.split(/\r\n|\n|\r|\u2028|\u2029/);
    expect(await judge(split, { checkpoints: [checkpointAfter(batches, 1)] })).toMatchObject({
      fault: undefined,
      verified: 2,
    });
  });
});

/** Whether two exports say the same once they are read. */
function harmless(text: string, changed: string): boolean {
  const read = (lines: string): unknown =>
    lines.split('\n').map((line) => {
      const parsed: unknown = JSON.parse(line);
      return Object.fromEntries(
        Object.entries(Object(parsed) as object).map(([name, value]: [string, unknown]) =>
          ['prev', 'head', 'root', 'frontier', 'leaves'].includes(name)
            ? [name, Buffer.from(String(value), 'base64').toString('hex')]
            : [name, value],
        ),
      );
    });
  return JSON.stringify(read(text)) === JSON.stringify(read(changed)) || !changed.includes('"hashesOnly":false');
}

/** How the ledger is hashed: golden vectors, the tree against RFC 6962's own definition, proofs, and signed notes. */
import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  isSignedBy,
  namedPublicKey,
  parsePrivateKey,
  parsePublicKey,
  readCheckpoints,
  signCheckpoint,
} from '../../src/audit/checkpoint.js';
import { checkpointsIn, findLastCheckpoint } from '../../src/audit/checkpoint-file.js';
import { InclusionProof, rootOfProof } from '../../src/audit/inclusion.js';
import { KnownRoots } from '../../src/audit/known-roots.js';
import { endAfter, entryHash, Frontier, genesisHash } from '../../src/audit/ledger.js';
import { toNextCheckpoint } from '../../src/audit/verify-ledger.js';
import { checkpointAfter, KEY, madeEntry, PUBLIC_KEY, seal } from '../support/made-log.js';
import { vectors } from '../support/ledger-vectors.js';

const sha256 = (...parts: Buffer[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();

/** RFC 6962, 2.1, word for word. */
function treeHash(leaves: readonly Buffer[]): Buffer {
  const [first] = leaves;
  if (first === undefined) return sha256(Buffer.alloc(0));
  if (leaves.length === 1) return first;
  let half = 1;
  while (half * 2 < leaves.length) half *= 2;
  return sha256(Buffer.from([1]), treeHash(leaves.slice(0, half)), treeHash(leaves.slice(half)));
}

const leavesOf = (count: number): Buffer[] => Array.from({ length: count }, (_, at) => sha256(Buffer.from(String(at))));

describe('the hashes', () => {
  test('are those of the golden vectors', () => {
    expect(vectors.entries.length).toBe(20);
    const frontier = Frontier.empty();
    let prev = genesisHash(vectors.origin);
    vectors.entries.forEach(({ text, hash, root }, at) => {
      prev = entryHash(prev, at + 1, text);
      frontier.append(prev);
      expect(prev.toString('hex'), String(at)).toBe(hash);
      expect(frontier.root().toString('hex'), String(at)).toBe(root);
    });
  });

  test('depend on the log, the number and every byte of the text', () => {
    const prev = genesisHash('a');
    expect(entryHash(prev, 1, 'x')).not.toEqual(entryHash(genesisHash('b'), 1, 'x'));
    expect(entryHash(prev, 1, 'x')).not.toEqual(entryHash(prev, 2, 'x'));
    expect(entryHash(prev, 1, 'é')).not.toEqual(entryHash(prev, 1, 'e\u0301'));
  });
});

describe('the tree', () => {
  test('has the root that RFC 6962 defines, at every size, and grows from its edge alone', () => {
    let frontier = Frontier.empty();
    const leaves = leavesOf(130);
    leaves.forEach((leaf, at) => {
      expect(frontier.root()).toEqual(treeHash(leaves.slice(0, at)));
      frontier.append(leaf);
      frontier = Frontier.parse(at + 1, frontier.bytes()) ?? Frontier.empty();
    });
    expect(frontier.root()).toEqual(treeHash(leaves));
    expect(Frontier.parse(7, frontier.bytes())).toBeUndefined();
  });

  test('does not depend on how its entries were batched', () => {
    const entries = Array.from({ length: 50 }, (_, at) => madeEntry(at + 1));
    const one = seal(entries, [50]).at(-1)?.seal;
    const many = seal(entries, [1, 3, 7]).at(-1)?.seal;
    expect(many?.root).toEqual(one?.root);
    expect(many?.head).toEqual(one?.head);
  });

  test('a seal that contradicts itself is not continued', () => {
    const [batch] = seal([madeEntry(1), madeEntry(2)], [2]);
    if (batch === undefined) throw new Error('there is a batch');
    expect(endAfter(batch.seal)?.frontier.size).toBe(2);
    const other = sha256(Buffer.from('other'));
    for (const change of [{ head: other }, { root: other }, { leaves: other }, { frontier: Buffer.alloc(0) }])
      expect(endAfter({ ...batch.seal, ...change })).toBeUndefined();
  });
});

describe('a proof of inclusion', () => {
  test('leads from any entry to the root, from whatever edge it was grown, and from no other entry', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.nat(), fc.nat(), (size, pick, cut) => {
        const leaves = leavesOf(size);
        const seq = 1 + (pick % size);
        const before = cut % seq;
        const edge = Frontier.empty();
        leaves.slice(0, before).forEach((leaf) => edge.append(leaf));
        const proof = new InclusionProof(seq, edge);
        leaves.slice(before).forEach((leaf) => proof.append(leaf));
        const path = proof.path();
        const leaf = leaves[seq - 1] ?? Buffer.alloc(0);
        expect(rootOfProof(seq, size, { leaf, path })).toEqual(treeHash(leaves));
        expect(path.length).toBeLessThanOrEqual(Math.ceil(Math.log2(size)));
        expect(rootOfProof(seq, size, { leaf: sha256(leaf), path })).not.toEqual(treeHash(leaves));
        expect(rootOfProof(seq, size, { leaf, path: [...path, leaf] })).toBeUndefined();
        if (path.length > 0)
          expect(rootOfProof(seq, size, { leaf, path: path.slice(1) })).not.toEqual(treeHash(leaves));
        if (seq < size) expect(rootOfProof(seq + 1, size, { leaf, path })).not.toEqual(treeHash(leaves));
      }),
      { numRuns: 50 },
    );
    expect(rootOfProof(0, 1, { leaf: Buffer.alloc(32), path: [] })).toBeUndefined();
    expect(rootOfProof(2, 1, { leaf: Buffer.alloc(32), path: [] })).toBeUndefined();
  });
});

describe('a checkpoint', () => {
  const log = { origin: 'bailiwick/x/admin', size: 12, root: sha256(Buffer.from('root')) };
  const signed = signCheckpoint(log, KEY);

  test('is a signed note that reads back as it was signed', () => {
    expect(signed.note).toBe(
      `bailiwick/x/admin\n12\n${log.root.toString('base64')}\n\n\u2014 bailiwick/x/admin ${signed.note.split(' ')[2] ?? ''}`,
    );
    expect(readCheckpoints(signed.note)).toEqual([signed]);
    expect(isSignedBy(signed, PUBLIC_KEY)).toBe(true);
    expect(isSignedBy(signed, generateKeyPairSync('ed25519').publicKey)).toBe(false);
  });

  test('is not believed with another size, root, origin, or a byte changed anywhere', () => {
    expect(isSignedBy({ ...signed, size: 11 }, PUBLIC_KEY)).toBe(false);
    expect(isSignedBy({ ...signed, root: sha256(log.root) }, PUBLIC_KEY)).toBe(false);
    expect(isSignedBy({ ...signed, origin: 'bailiwick/x/decision' }, PUBLIC_KEY)).toBe(false);
    for (let at = 0; at < signed.note.length; at += 1) {
      const changed = signed.note[at] === 'A' ? 'B' : 'A';
      const note = signed.note.slice(0, at) + changed + signed.note.slice(at + 1);
      const read = readCheckpoints(note).filter((each) => isSignedBy(each, PUBLIC_KEY));
      expect(read, `byte ${String(at)}`).toEqual([]);
    }
  });

  test('is not believed in another spelling of the same signature', () => {
    const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
    const note = signed.note.replace(/(.)=\n$/, (_, last: string) => `${digits[digits.indexOf(last) ^ 1] ?? ''}=\n`);
    const encoded = (text: string): Buffer => Buffer.from(text.split(' ').at(-1) ?? '', 'base64');
    expect(note).not.toBe(signed.note);
    expect(encoded(note).equals(encoded(signed.note))).toBe(true);
    expect(readCheckpoints(note).map((each) => isSignedBy(each, PUBLIC_KEY))).toEqual([false]);
  });

  test('is found among others and after one that a crash cut short', () => {
    const other = signCheckpoint({ ...log, size: 13 }, KEY);
    const text = `\n${signed.note}\n${other.note.slice(0, 60)}\n${other.note}\n${signed.note}`;
    expect(readCheckpoints(text).map(({ size }) => size)).toEqual([12, 13, 12]);
    expect(readCheckpoints(text).every((each) => isSignedBy(each, PUBLIC_KEY))).toBe(true);
    const entries = [madeEntry(1), madeEntry(2), madeEntry(3)];
    expect(checkpointAfter(seal(entries, [2, 1]), 1).size).toBe(2);
  });

  test('takes keys as PEM, as the base64 of their bytes, and as notes name them', () => {
    const seed = Buffer.alloc(32, 7).toString('base64');
    const key = parsePrivateKey(seed);
    const pem = key.export({ format: 'pem', type: 'pkcs8' }).toString();
    expect(parsePrivateKey(pem).equals(key)).toBe(true);
    const publicKey = createPublicKey(key);
    const named = namedPublicKey('bailiwick/x/admin', key);
    expect(named).toMatch(/^bailiwick\/x\/admin\+[0-9a-f]{8}\+/);
    const bytes = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64');
    for (const text of [named, bytes, publicKey.export({ format: 'pem', type: 'spki' }).toString()])
      expect(parsePublicKey(text).equals(publicKey)).toBe(true);
    for (const text of ['', 'x', 'A'.repeat(40)]) expect(() => parsePrivateKey(text)).toThrow();
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    expect(() => parsePublicKey(rsa.publicKey.export({ format: 'pem', type: 'spki' }).toString())).toThrow(/Ed25519/);
  });
});

async function collect<T>(all: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const each of all) collected.push(each);
  return collected;
}

describe('many checkpoints', () => {
  test('are handed on by size, whatever their order, also those of a size that differ', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { maxLength: 200 }), fc.nat(60), (sizes, size) => {
        const known = sizes.map((each, at) => ({ size: each, root: sha256(Buffer.from(String(at))) }));
        const roots = KnownRoots.of(known);
        const sorted = known.toSorted((a, b) => a.size - b.size);
        expect(Array.from({ length: roots.count }, (_, at) => roots.at(at))).toEqual(sorted);
        expect(roots.placeOf(size)).toBe(sorted.filter((each) => each.size < size).length);
        expect(roots.at(roots.count)).toBeUndefined();
        expect(roots.at(-1)).toBeUndefined();
      }),
      { numRuns: 50 },
    );
  });

  test('of 300,000 sizes say which is the next', async () => {
    const [first, second] = seal([madeEntry(1), madeEntry(2)], [1]);
    if (first === undefined || second === undefined) throw new Error('there are two');
    const roots = new KnownRoots();
    for (let size = 1; size <= 300_000; size += 1) roots.add({ size, root: first.seal.root });
    const batches = async function* () {
      await Promise.resolve();
      yield* [first, second];
    };
    const taken = await collect(toNextCheckpoint(batches(), 1, roots));
    expect(taken).toEqual([first]);
  });

  test('in a file are the same, wherever its pieces end', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'bailiwick-notes-'));
    const path = join(directory, 'checkpoints.txt');
    const sign = (lane: string, size: number): string =>
      signCheckpoint({ origin: `bailiwick/é/${lane}`, size, root: sha256(Buffer.from(lane)) }, KEY).note;
    const cosigned = `${sign('admin', 7)}\u2014 witness AAAA\n\u2014 another AAAA\n`;
    const cut = sign('admin', 9).slice(0, 40);
    const text = `\n${sign('admin', 5)}\n${cosigned}${sign('admin', 8)}\n${cut}\n${sign('decision', 2)}\n${cut}`;
    await writeFile(path, text);
    try {
      const whole = readCheckpoints(text);
      expect(whole.map(({ size }) => size)).toEqual([5, 7, 8, 2]);
      for (const piece of [1, 2, 3, 7, 64, 100, 333, 1 << 20]) {
        expect(await collect(checkpointsIn(path, piece)), String(piece)).toEqual(whole);
        for (const [lane, size] of [
          ['admin', 8],
          ['decision', 2],
        ] as const) {
          const name = { lane, origin: `bailiwick/other/${lane}` };
          expect(await findLastCheckpoint(path, name, piece), String(piece)).toMatchObject({ size });
        }
      }
      await expect(collect(checkpointsIn(`${path}.none`))).rejects.toThrow(/ENOENT/);
      expect(await findLastCheckpoint(`${path}.none`, { lane: 'admin', origin: 'o' })).toBeUndefined();
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

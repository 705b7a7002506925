/**
 * Inclusion proofs as documents: that one entry is in the log that a signed checkpoint covers, verifiable by whoever has
 * the document and the public key, without the log.
 */
import type { KeyObject } from 'node:crypto';

import { z } from 'zod';

import { isSignedBy, readCheckpoints } from './checkpoint.js';
import type { Checkpoint, Checkpoints } from './checkpoint.js';
import { InclusionProof, rootOfProof } from './inclusion.js';
import { emptyLog, endAfter, entryHash, HASH_BYTES, LANES, leafAt } from './ledger.js';
import type { Entry, LogEnd, Seal } from './ledger.js';
import { readBatches } from './ledger-reader.js';
import type { InTransaction } from './ledger-reader.js';
import { endUpTo } from './open-log.js';
import type { LogName } from './open-log.js';
import { listCheckpoints, selectEntry, selectSealOf } from './seal-store.js';

const hash = z
  .string()
  .regex(/^[A-Za-z0-9+/]{43}=$/)
  .transform((text) => Buffer.from(text, 'base64'));
const PROOF = z.object({
  type: z.literal('proof'),
  v: z.literal(1),
  lane: z.enum(LANES),
  origin: z.string(),
  seq: z.int().positive(),
  prev: hash,
  text: z.string(),
  path: z.array(hash).max(64),
  checkpoint: z.string(),
});

/** As JSON. */
export type Proof = z.input<typeof PROOF>;

const NOTES_MAX = 1_000;

/** Makes the proof of an entry. Throws where the entry is not there, not sealed, or not covered by a checkpoint yet. */
export async function proveEntry(
  run: InTransaction,
  name: LogName,
  { entryId, checkpoints: brought }: { entryId: string; checkpoints: Checkpoints | undefined },
): Promise<Proof> {
  const { lane, origin } = name;
  const entry = await run((tx) => selectEntry(tx, lane, entryId));
  if (entry === undefined) throw new Error(`lane ${lane} has no entry with id \`${entryId}\``);
  const { seal, before, seq, prev } = await placeOf(run, name, entry);
  const known = brought ?? (await run((tx) => listCheckpoints(tx, lane, NOTES_MAX))).flatMap(readCheckpoints);
  let checkpoint: Checkpoint | undefined;
  for await (const each of known)
    if (each.origin === origin && each.size >= seq && !(checkpoint !== undefined && checkpoint.size <= each.size))
      checkpoint = each;
  if (checkpoint === undefined) throw new Error('no checkpoint covers the entry yet');
  const proof = new InclusionProof(seq, before.frontier);
  for await (const batch of readBatches(run, { lane, after: before, withEntries: () => false })) {
    const { firstSeq, lastSeq, leaves } = batch.seal;
    for (let at = firstSeq; at <= Math.min(lastSeq, checkpoint.size); at += 1)
      proof.append(leafAt(leaves, at - firstSeq));
    if (lastSeq >= checkpoint.size) break;
  }
  const path = proof.path().map((step) => step.toString('base64'));
  const proved: Proof = {
    type: 'proof',
    v: 1,
    lane,
    origin,
    seq,
    prev: prev.toString('base64'),
    text: entry.text,
    path,
    checkpoint: checkpoint.note,
  };
  if (findFlaw(proved, undefined) !== undefined)
    throw new Error(
      `the log is not that of the checkpoint at ${checkpoint.size}: run \`bailiwick audit verify\` (batch ${seal.batch})`,
    );
  return proved;
}

/** Says what is wrong with a proof, if anything; undefined as key leaves the signature unchecked. */
export function findFlaw(document: unknown, key: KeyObject | undefined): string | undefined {
  const parsed = PROOF.safeParse(document);
  if (!parsed.success) return 'it is not a proof';
  const { origin, seq, prev, text, path } = parsed.data;
  const [checkpoint, ...more] = readCheckpoints(parsed.data.checkpoint);
  if (checkpoint === undefined || more.length > 0) return 'its checkpoint cannot be read';
  if (checkpoint.origin !== origin) return 'its checkpoint is of another log';
  const root = rootOfProof(seq, checkpoint.size, { leaf: entryHash(prev, seq, text), path });
  if (root?.equals(checkpoint.root) !== true) return 'the entry is not in the log that its checkpoint covers';
  if (key !== undefined && !isSignedBy(checkpoint, key)) return 'its checkpoint is not signed with this key';
  return undefined;
}

interface Place {
  readonly seal: Seal;
  readonly before: LogEnd;
  readonly seq: number;
  readonly prev: Buffer;
}

/** Where the entry was sealed: found by its hash, since rows beside it may have left. */
async function placeOf(run: InTransaction, name: LogName, entry: Entry): Promise<Place> {
  let afterBatch = 0;
  for (;;) {
    const after = afterBatch;
    const seal = await run((tx) => selectSealOf(tx, name.lane, { xid: entry.xid, afterBatch: after }));
    if (seal === undefined) throw new Error('the entry is not sealed yet');
    let prev = seal.prev;
    for (let at = 0; at * HASH_BYTES < seal.leaves.length; at += 1) {
      const seq = seal.firstSeq + at;
      const leaf = leafAt(seal.leaves, at);
      if (entryHash(prev, seq, entry.text).equals(leaf)) {
        const before = seal.firstSeq === 1 ? emptyLog(name.origin) : await endUpTo(run, name, seal.firstSeq - 1);
        if (before === undefined || endAfter(seal) === undefined)
          throw new Error(`the seal of batch ${seal.batch} contradicts itself`);
        return { seal, before, seq, prev };
      }
      prev = leaf;
    }
    // Rows of one transaction may fill several batches.
    if (seal.lastXid !== entry.xid) throw new Error('the entry is not what was sealed: run `bailiwick audit verify`');
    afterBatch = seal.batch;
  }
}

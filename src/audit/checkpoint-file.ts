/**
 * Reading a file of checkpoints, which grows for years: piece by piece, from its beginning or from its end, and never as
 * one string, which it may be too long for.
 *
 * INVARIANT: where the pieces end makes no difference to what is read (tests/unit/ledger.test.ts), but for notes of over
 * `NOTE_LENGTH_MAX`, which no sealer writes.
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

import { isOfLane, readCheckpoints, readNotes } from './checkpoint.js';
import type { Checkpoint } from './checkpoint.js';
import type { LogName } from './open-log.js';

const PIECE_BYTES = 1 << 20;
const NOTE_LENGTH_MAX = 1 << 16;

/** The notes of a file in their order, read anew at each turn. Fails where there is no such file. */
export function checkpointsIn(path: string, pieceBytes = PIECE_BYTES): AsyncIterable<Checkpoint> {
  return { [Symbol.asyncIterator]: () => readForwards(path, pieceBytes) };
}

async function* readForwards(path: string, pieceBytes: number): AsyncGenerator<Checkpoint, void> {
  // A note begins with a line, so the file's first one needs a line's end before it.
  let rest = '\n';
  for await (const piece of createReadStream(path, { encoding: 'utf8', highWaterMark: pieceBytes })) {
    const text = rest + String(piece);
    const found = readNotes(text);
    // Signatures may follow that are not here yet.
    if (found.length > 0 && !text.includes('\n', found.at(-1)?.end)) found.pop();
    for (const { checkpoint } of found) yield checkpoint;
    rest = text.slice(Math.max((found.at(-1)?.end ?? 1) - 1, text.length - NOTE_LENGTH_MAX));
  }
  for (const { checkpoint } of readNotes(rest)) yield checkpoint;
}

/** The last note of a lane, under whatever name; undefined where there is none, or no file. */
export async function findLastCheckpoint(
  path: string,
  name: LogName,
  pieceBytes = PIECE_BYTES,
): Promise<Checkpoint | undefined> {
  const file = await openIfPresent(path);
  if (file === undefined) return undefined;
  const endings = [`/${name.lane}\n`, `${name.origin}\n`];
  try {
    const { size } = await file.stat();
    for (let to = size; to > 0; to -= pieceBytes) {
      const from = Math.max(0, to - pieceBytes);
      // With what a note that begins in this piece may need of the next one.
      const bytes = await bytesOf(file, from, Math.min(size, to + NOTE_LENGTH_MAX));
      // A lane that is idle may be far back: most pieces need not be read as text.
      if (!endings.some((ending) => bytes.includes(ending))) continue;
      const text = bytes.toString();
      const notes = from === 0 ? readCheckpoints(text) : readNotes(text).map(({ checkpoint }) => checkpoint);
      const last = notes.findLast((checkpoint) => isOfLane(checkpoint, name));
      if (last !== undefined) return last;
    }
    return undefined;
  } finally {
    await file.close();
  }
}

async function openIfPresent(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function bytesOf(file: FileHandle, from: number, to: number): Promise<Buffer> {
  const bytes = Buffer.alloc(to - from);
  const { bytesRead } = await file.read(bytes, 0, bytes.length, from);
  return bytes.subarray(0, bytesRead);
}

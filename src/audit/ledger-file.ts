/**
 * An export of one log: NDJSON with all that a verifier needs besides the checkpoints.
 *
 *   {"type":"log", …}     once: which log, and where it ended before the first batch here
 *   {"type":"pruned", …}  a range of entries of which only the hashes are left
 *   {"type":"seal", …}    a batch; `hashesOnly` where its entries do not follow
 *   {"type":"entry", …}   the text that is hashed; everything that is known of an entry is in it
 *   {"type":"tail", …}    last: how many rows were not sealed yet
 *
 * Nothing in it is believed: what it says of itself is compared with what the reader asked for.
 */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

import { z } from 'zod';

import { Frontier, LANES } from './ledger.js';
import type { Entry, LogEnd } from './ledger.js';
import type { LogName } from './open-log.js';
import type { Batch, SeqRange } from './verify.js';

const count = z.int().nonnegative();
const bytes = z
  .string()
  .regex(/^[A-Za-z0-9+/]*={0,2}$/)
  .transform((text) => Buffer.from(text, 'base64'));
const hash = bytes.refine((buffer) => buffer.length === 32);

const LOG = z.object({
  type: z.literal('log'),
  v: z.literal(1),
  lane: z.enum(LANES),
  origin: z.string().min(1),
  batch: count,
  size: count,
  head: hash,
  frontier: bytes,
});
const PRUNED = z.object({ type: z.literal('pruned'), from: count, to: count });
const SEAL = z.object({
  type: z.literal('seal'),
  batch: count,
  firstSeq: count,
  lastSeq: count,
  lastXid: z.string(),
  lastId: z.string(),
  prev: hash,
  head: hash,
  root: hash,
  frontier: bytes,
  leaves: bytes,
  firstAtMs: z.number(),
  lastAtMs: z.number(),
  hashesOnly: z.boolean(),
});
const ENTRY = z.object({ type: z.literal('entry'), text: z.string() });
const TAIL = z.object({ type: z.literal('tail'), unsealed: count });
const LINE = z.discriminatedUnion('type', [LOG, PRUNED, SEAL, ENTRY, TAIL]);
type Line = z.output<typeof LINE>;

/** The file is not an export, or not a whole one. */
export class NotAnExport extends Error {}

export interface ExportedLog extends LogName {
  readonly start: LogEnd;
  readonly pruned: readonly SeqRange[];
  readonly batches: AsyncIterable<Batch>;
  /** Known once the batches have been read. */
  readonly unsealed: () => number;
}

export function logLine({ lane, origin }: LogName, start: LogEnd): string {
  const { batch, head, frontier } = start;
  const tree = { size: frontier.size, head: base64(head), frontier: base64(frontier.bytes()) };
  return JSON.stringify({ type: 'log', v: 1, lane, origin, batch, ...tree });
}

export const prunedLine = (range: SeqRange): string => JSON.stringify({ type: 'pruned', ...range });
export const tailLine = (unsealed: number): string => JSON.stringify({ type: 'tail', unsealed });

/** The lines of a batch. */
export function batchLines({ seal, entries }: Batch): string[] {
  const { prev, head, root, frontier, leaves, ...rest } = seal;
  const hashes = { prev: base64(prev), head: base64(head), root: base64(root), frontier: base64(frontier) };
  return [
    JSON.stringify({ type: 'seal', ...rest, ...hashes, leaves: base64(leaves), hashesOnly: entries === undefined }),
    ...(entries ?? []).map(({ text }) =>
      JSON.stringify({ type: 'entry', text }).replaceAll(/[\u2028\u2029]/g, escaped),
    ),
  ];
}

/** What some readers take for the end of a line. */
const escaped = (separator: string): string => (separator === '\u2028' ? String.raw`\u2028` : String.raw`\u2029`);

const base64 = (buffer: Buffer): string => buffer.toString('base64');

/** Opens an export; its batches can be read once. Throws NotAnExport where it is none. */
export async function openExport(path: string): Promise<ExportedLog> {
  return await parseExport(createInterface({ input: createReadStream(path), crlfDelay: Infinity }));
}

/** The same from its lines. */
export async function parseExport(text: AsyncIterable<string> | Iterable<string>): Promise<ExportedLog> {
  const lines = parseLines(text);
  const first = await next(lines);
  if (first?.type !== 'log') throw new NotAnExport('the first line does not name a log');
  const { lane, origin, batch, head } = first;
  const frontier = Frontier.parse(first.size, first.frontier);
  if (frontier === undefined) throw new NotAnExport('the first line does not say where the log ended before');
  const pruned: SeqRange[] = [];
  let line = await next(lines);
  for (; line?.type === 'pruned'; line = await next(lines)) pruned.push(line);
  let unsealed = 0;
  const following = line;
  return {
    lane,
    origin,
    start: { batch, head, frontier, last: undefined },
    pruned,
    batches: readBatches(following, lines, (rows) => (unsealed = rows)),
    unsealed: () => unsealed,
  };
}

async function* readBatches(
  first: Line | undefined,
  lines: AsyncIterator<Line, void>,
  onTail: (unsealed: number) => void,
): AsyncGenerator<Batch, void> {
  let line = first;
  while (line?.type === 'seal') {
    const seal = line;
    const entries: Entry[] = [];
    for (line = await next(lines); line?.type === 'entry'; line = await next(lines)) entries.push(entryOf(line.text));
    yield { seal, entries: seal.hashesOnly && entries.length === 0 ? undefined : entries };
  }
  if (line?.type !== 'tail') throw new NotAnExport('the last line is not the end of an export: it was cut short');
  onTail(line.unsealed);
}

/** What an entry's text says of its place. */
function entryOf(text: string): Entry {
  const [, id = '', xid = '', at = ''] = /^\{"v":1,"id":"?([^",]+)"?,"xid":([0-9]+),"at":"([^"]+)"/.exec(text) ?? [];
  return { xid, id, text, atMs: Date.parse(`${at}Z`) };
}

async function* parseLines(text: AsyncIterable<string> | Iterable<string>): AsyncGenerator<Line, void> {
  let number = 0;
  for await (const line of text) {
    number += 1;
    const parsed = LINE.safeParse(asJson(line));
    if (!parsed.success) throw new NotAnExport(`line ${number} is not a line of an export`);
    yield parsed.data;
  }
}

async function next(lines: AsyncIterator<Line, void>): Promise<Line | undefined> {
  const result = await lines.next();
  return result.done === true ? undefined : result.value;
}

function asJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

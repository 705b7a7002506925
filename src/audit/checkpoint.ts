/**
 * Checkpoints: how long a log was and what its root was, signed with a key that the database never sees.
 *
 * The form is a signed note (C2SP tlog-checkpoint, Ed25519):
 *
 *   origin
 *   size
 *   base64(root)
 *   (an empty line)
 *   — origin base64(4 bytes of key id ‖ signature)
 *
 * Whoever owns the database can rewrite rows, hashes and seals together; a checkpoint kept elsewhere is what they cannot
 * rewrite.
 */
import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import type { Lane } from './ledger.js';

export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
  /** As it was signed. */
  readonly note: string;
}

/** Notes that may be too many to be held at once. */
export type Checkpoints = Iterable<Checkpoint> | AsyncIterable<Checkpoint>;

/** DER of an Ed25519 key, up to the 32 bytes of the key itself. */
const PRIVATE_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const PUBLIC_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const ED25519 = Buffer.from([0x01]);
const NOTE = /(?<=\n)(([^\n]+)\n(0|[1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)\n(?:[^\n]+\n)*)\n((?:\u2014 [^\n]+\n)+)/g;

/** Reads a private key: PEM (PKCS #8), or the base64 of its 32 bytes. Throws where it is neither. */
export function parsePrivateKey(text: string): KeyObject {
  const seed = Buffer.from(text.trim(), 'base64');
  const key = text.includes('-----BEGIN')
    ? createPrivateKey(text)
    : createPrivateKey({ key: Buffer.concat([PRIVATE_PREFIX, seed]), format: 'der', type: 'pkcs8' });
  return ed25519(key);
}

/** Reads a public key: PEM, the base64 of its 32 bytes, or `name+id+key` as notes name it. Throws where it is neither. */
export function parsePublicKey(text: string): KeyObject {
  if (text.includes('-----BEGIN')) return ed25519(createPublicKey(text));
  const named = /^\S+\+[0-9a-f]{8}\+(\S+)$/.exec(text.trim())?.[1];
  const bytes = named === undefined ? Buffer.from(text.trim(), 'base64') : Buffer.from(named, 'base64').subarray(1);
  return ed25519(createPublicKey({ key: Buffer.concat([PUBLIC_PREFIX, bytes]), format: 'der', type: 'spki' }));
}

function ed25519(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType !== 'ed25519') throw new Error('the key is not an Ed25519 key');
  return key;
}

const publicOf = (key: KeyObject): KeyObject => (key.type === 'private' ? createPublicKey(key) : key);

/** The 32 bytes of the public half. */
export function publicBytes(key: KeyObject): Buffer {
  return publicOf(key).export({ format: 'der', type: 'spki' }).subarray(PUBLIC_PREFIX.length);
}

function keyId(origin: string, key: KeyObject): Buffer {
  const named = createHash('sha256').update(`${origin}\n`).update(ED25519).update(publicBytes(key));
  return named.digest().subarray(0, 4);
}

/** The public half, as notes name it. */
export function namedPublicKey(origin: string, key: KeyObject): string {
  const bytes = Buffer.concat([ED25519, publicBytes(key)]);
  return `${origin}+${keyId(origin, key).toString('hex')}+${bytes.toString('base64')}`;
}

/** Makes and signs the note of a log. */
export function signCheckpoint(log: Omit<Checkpoint, 'note'>, key: KeyObject): Checkpoint {
  const body = `${log.origin}\n${String(log.size)}\n${log.root.toString('base64')}\n`;
  const signature = Buffer.concat([keyId(log.origin, key), sign(null, Buffer.from(body), key)]);
  return { ...log, note: `${body}\n\u2014 ${log.origin} ${signature.toString('base64')}\n` };
}

/** Every whole note in a text; what is not one, such as a last line cut short by a crash, is passed over. */
export function readCheckpoints(text: string): Checkpoint[] {
  return readNotes(`\n${text}`).map(({ checkpoint }) => checkpoint);
}

/** The same of a piece of a text: a note counts only after the end of a line. Says where each one ends in the piece. */
export function readNotes(piece: string): { checkpoint: Checkpoint; end: number }[] {
  return [...piece.matchAll(NOTE)].map(({ 0: whole, index, ...parts }) => {
    const { 1: body = '', 2: origin = '', 3: size = '', 4: root = '', 5: signatures = '' } = parts;
    const note = `${body}\n${signatures}`;
    return {
      checkpoint: { origin, size: Number(size), root: Buffer.from(root, 'base64'), note },
      end: index + whole.length,
    };
  });
}

/** Whether it was made for the log of this lane, whatever that was named then: a name ends with its lane. */
export function isOfLane({ origin }: Checkpoint, log: { readonly lane: Lane; readonly origin: string }): boolean {
  return origin === log.origin || origin.endsWith(`/${log.lane}`);
}

/** Whether one of the note's signatures is the key's, over what the checkpoint says. */
export function isSignedBy({ note, ...log }: Checkpoint, key: KeyObject): boolean {
  const [body = '', signatures = ''] = note.split('\n\n');
  const says = `${log.origin}\n${String(log.size)}\n${log.root.toString('base64')}`;
  if (body !== says && !body.startsWith(`${says}\n`)) return false;
  return signatures.split('\n').some((line) => {
    const [dash, name, encoded = ''] = line.split(' ');
    const bytes = Buffer.from(encoded, 'base64');
    return (
      dash === '\u2014' &&
      name === log.origin &&
      // One text for one signature: the bits that base64 leaves over are nobody's to choose.
      bytes.toString('base64') === encoded &&
      bytes.subarray(0, 4).equals(keyId(log.origin, key)) &&
      verify(null, Buffer.from(`${body}\n`), publicOf(key), bytes.subarray(4))
    );
  });
}

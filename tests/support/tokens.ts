/** Bearer tokens made by hand, so that they can be wrong in every way; and a JWKS server that counts its visitors. */
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JWK } from 'jose';

export type Json = Record<string, unknown>;

export interface SigningKey {
  readonly alg: 'ES256' | 'RS256' | 'PS256';
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly jwk: JWK;
}

/** A key pair whose public half is `jwk`. */
export function newKey(alg: SigningKey['alg'], kid: string): SigningKey {
  const { privateKey, publicKey } =
    alg === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { alg, privateKey, publicKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' } };
}

const base64url = (text: string): string => Buffer.from(text).toString('base64url');

/** Joins any header and payload, given as JSON or as raw text, with the signature that `signer` makes of them. */
export function assemble(
  header: Json | string,
  payload: Json | string,
  signer: (input: string) => Buffer | string,
): string {
  const [first, second] = [header, payload].map((part) =>
    base64url(typeof part === 'string' ? part : JSON.stringify(part)),
  );
  const input = `${first ?? ''}.${second ?? ''}`;
  const signature = signer(input);
  return `${input}.${typeof signature === 'string' ? signature : signature.toString('base64url')}`;
}

/** Signs with the key as its own algorithm says, whatever the header says. */
export function signer({ alg, privateKey }: SigningKey): (input: string) => Buffer {
  return (input) => {
    const data = Buffer.from(input);
    if (alg === 'ES256') return sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' });
    if (alg === 'RS256') return sign('sha256', data, privateKey);
    return sign('sha256', data, { key: privateKey, padding: 6, saltLength: 32 });
  };
}

/** HMAC with anything as its secret: the classic of a public key taken for one. */
export const hmac = (secret: string | Buffer) => (input: string) => createHmac('sha256', secret).update(input).digest();

export interface KeyServer {
  readonly uri: string;
  hits: number;
  /** Replaces the answer. */
  answer: RequestListener;
  stop(): Promise<void>;
}

/** A real HTTP server on loopback that serves keys, or what it is told to. */
export async function startKeyServer(answer: RequestListener): Promise<KeyServer> {
  const server = createServer((request, response) => {
    keys.hits += 1;
    keys.answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const keys: KeyServer = {
    uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`,
    hits: 0,
    answer,
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return keys;
}

/** The listener that serves these keys. */
export const serving =
  (...keys: object[]): RequestListener =>
  (_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ keys }));
  };

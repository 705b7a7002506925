/** An issuer of Bearer tokens, as the operator pinned it; what is not pinned is refused at the start. */
import type { JWK } from 'jose';

import { publicKeys } from './jwks.js';

/** An issuer whose tokens are believed. Exactly one of `jwksUri`, `keys` and `readKeys`. */
export interface TokenIssuer {
  readonly issuer: string;
  /** A token is for us when this is its audience, or one of its audiences. */
  readonly audience: string;
  /** Asymmetric algorithms of one family, e.g. `['ES256']`. */
  readonly algorithms: readonly string[];
  /** https, or http on a loopback address. */
  readonly jwksUri?: string | undefined;
  readonly keys?: readonly JWK[] | undefined;
  /** Our own issuer: reads the keys that we sign with, and its tokens name a session. */
  readonly readKeys?: (() => Promise<JWK[]>) | undefined;
  /** The claim that holds the tenant's id; `tenant_id` where not said. */
  readonly tenantClaim?: string | undefined;
}

const FAMILIES = [/^RS(256|384|512)$/, /^PS(256|384|512)$/, /^ES(256|384|512)$/, /^(EdDSA|Ed25519)$/];

/** Throws an Error that names the fault where the issuer is not fully pinned. */
export function checkIssuer(issuer: TokenIssuer): void {
  const name = `issuer \`${issuer.issuer}\``;
  // Read as unknown: the values come from configuration, and an empty one would be skipped by jose, not refused.
  const texts: Record<string, unknown> = { issuer: issuer.issuer, audience: issuer.audience };
  for (const [field, text] of Object.entries(texts)) {
    if (typeof text !== 'string' || text === '') throw new Error(`${name} has no \`${field}\``);
  }
  const { algorithms, jwksUri, keys, readKeys } = issuer;
  if (!FAMILIES.some((family) => algorithms.length > 0 && algorithms.every((algorithm) => family.test(algorithm)))) {
    throw new Error(`${name}: \`algorithms\` must name asymmetric algorithms of one family, such as \`ES256\``);
  }
  if ([jwksUri, keys, readKeys].filter((source) => source !== undefined).length !== 1)
    throw new Error(`${name} needs one of \`jwksUri\` and \`keys\``);
  if (keys !== undefined && (keys.length === 0 || publicKeys({ keys }).length !== keys.length)) {
    throw new Error(`${name}: \`keys\` must be asymmetric public keys`);
  }
  if (jwksUri !== undefined && !isSafeAddress(jwksUri)) {
    throw new Error(`${name}: \`jwksUri\` must be an https address (http only on loopback) without credentials`);
  }
}

function isSafeAddress(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname, username, password } = new URL(address);
  if (username !== '' || password !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname));
}

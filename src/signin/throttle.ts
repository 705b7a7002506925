/**
 * How many failures one place may make: what stops one password from being tried on a thousand accounts, where no single
 * account ever sees five failures. Counted in Postgres, so for all replicas together; by address and by network, since
 * whoever has one IPv6 address has a network of them.
 */
import { isIPv4, isIPv6 } from 'node:net';

import type { Tx } from '../platform/postgres.js';
import { countSources, returnSources } from './attempt-store.js';

export interface Throttle {
  /** Counts an attempt in advance; resolves to the seconds to wait where there were too many. */
  reserve(tx: Tx, address: string | undefined): Promise<number | undefined>;
  /** It was no failure. */
  giveBack(tx: Tx, address: string | undefined): Promise<void>;
}

const WINDOW_MINUTES = 15;
/** How much more a network may do than one address in it. */
const NETWORK_FACTOR = 4;

/** `limit` failures an address in a quarter of an hour; 0 counts nothing. */
export function createThrottle({ limit, now }: { readonly limit: number; readonly now: () => Date }): Throttle {
  const sourcesOf = (address = ''): string[] => (limit === 0 ? [] : placesOf(address));
  return {
    async reserve(tx, address) {
      const sources = sourcesOf(address);
      if (sources.length === 0) return undefined;
      const at = now();
      const counts = await countSources(tx, sources, { now: at, windowMinutes: WINDOW_MINUTES });
      const waits = counts
        .filter(({ source, failures }) => failures > (source === sources[0] ? limit : limit * NETWORK_FACTOR))
        .map(({ windowStart }) => windowStart.getTime() + WINDOW_MINUTES * 60_000 - at.getTime());
      return waits.length === 0 ? undefined : Math.max(1, Math.ceil(Math.max(...waits) / 1000));
    },
    async giveBack(tx, address) {
      const sources = sourcesOf(address);
      if (sources.length > 0) await returnSources(tx, sources);
    },
  };
}

/**
 * The places of an address, the narrow one first: an IPv4 address and its /24, an IPv6 /64 and its /48. What is neither
 * is one place with all that is neither: what nobody counts is not bounded.
 */
export function placesOf(address: string): string[] {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (isIPv4(plain)) return [plain, `${plain.split('.').slice(0, 3).join('.')}.0/24`];
  if (!isIPv6(plain)) return ['elsewhere'];
  const groups = groupsOf(plain);
  const network = (count: number): string => groups.slice(0, count).join(':');
  return [`${network(4)}::/64`, `${network(3)}::/48`];
}

/** The eight groups of an IPv6 address, however it was shortened. */
function groupsOf(address: string): string[] {
  const [head = '', tail] = address.toLowerCase().split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...Array.from({ length: tail === undefined ? 0 : missing }, () => '0'), ...after];
  return groups.map((group) => group.replace(/^0+(?=.)/, ''));
}

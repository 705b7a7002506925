/**
 * Finds the operation of a request: a tree of path segments, built from the contract.
 *
 * The cost of a look-up is the number of segments, however many operations there are. Paths are compared as they were
 * sent: no trailing slash, no percent-encoded letters, no second spelling of any address.
 */
import type { ContractOperation } from './contract.js';

export type RouteMatch<T> =
  | { readonly found: 'operation'; readonly operation: T }
  /** The path is there, the method is not; `allow` lists those that are. */
  | { readonly found: 'path'; readonly allow: readonly string[] }
  | { readonly found: 'nothing' };

interface Segment<T> {
  readonly literals: Map<string, Segment<T>>;
  parameter: Segment<T> | undefined;
  readonly methods: Map<string, T>;
}

const newSegment = <T>(): Segment<T> => ({ literals: new Map(), parameter: undefined, methods: new Map() });

/** Makes the look-up `(method, path) → operation`; `path` is without its query. */
export function createRoutes<T extends ContractOperation>(
  operations: readonly T[],
  basePath: string,
): (method: string, path: string) => RouteMatch<T> {
  const root = newSegment<T>();
  for (const operation of operations) {
    let segment = root;
    for (const part of split((operation.basePath ?? basePath) + operation.path)) {
      if (part.startsWith('{')) {
        segment = segment.parameter ??= newSegment();
      } else {
        const next = segment.literals.get(part) ?? newSegment<T>();
        segment.literals.set(part, next);
        segment = next;
      }
    }
    segment.methods.set(operation.method, operation);
  }
  return (method, path) => {
    const segment = path.startsWith('/') ? find(root, split(path)) : undefined;
    if (segment === undefined) return { found: 'nothing' };
    const operation = segment.methods.get(method);
    if (operation === undefined) return { found: 'path', allow: [...segment.methods.keys()].sort() };
    return { found: 'operation', operation };
  };
}

function split(path: string): string[] {
  return path.split('/').slice(1);
}

function find<T>(segment: Segment<T>, [part, ...rest]: readonly string[]): Segment<T> | undefined {
  if (part === undefined) return segment.methods.size > 0 ? segment : undefined;
  const literal = segment.literals.get(part);
  const found = literal === undefined ? undefined : find(literal, rest);
  if (found !== undefined || segment.parameter === undefined || part === '') return found;
  return find(segment.parameter, rest);
}

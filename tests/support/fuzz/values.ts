/**
 * Values for a schema of the contract: such as fit it, made of words that mean something in the world that is asked, and
 * such as nobody should send. The same for the same seed.
 */

/** The parts of a JSON Schema that the contract uses. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
}

export interface Random {
  /** A whole number from 0 to below `n`. */
  below(n: number): number;
  chance(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
}

/** Mulberry32: the same numbers for the same seed. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n: number): number => Math.floor(next() * n);
  return {
    below,
    chance: (probability) => next() < probability,
    pick: (from) => {
      if (from.length === 0) throw new Error('there is nothing to pick from');
      return from[below(from.length)] as (typeof from)[number];
    },
  };
}

/** What breaks programs that do not mind: types, bounds, encodings, and the words of other languages. */
export const HOSTILE_VALUES: readonly unknown[] = [
  null, true, -1, 0, 1e308, 2 ** 53, 0.5, '', ' ', '\u0000', 'a\u0000b', '\ud800', '\u202eevil', 'é', 'e\u0301', 'ﬀ', '😀',
  "' or 1=1 --", "'; drop table security.role; --", '$1', '%s%n', '../../etc/passwd', '..%2f..', 'a/b', 'user:*', 'role:x#assignee',
  '${jndi:ldap://x}', '<script>alert(1)</script>', '=cmd()', 'x'.repeat(300), 'x'.repeat(20_000), '9'.repeat(40), '-0', 'NaN', 'null',
  '2026-02-30T00:00:00Z', '9999-12-31T23:59:59.999999Z', '-infinity', 'infinity', '0001-01-01T00:00:00Z', '2026-01-01T00:00:00+99:99',
  [], {}, [[]], [null], ['a', 'a'], { toString: 'x' }, JSON.parse('{"__proto__": {"polluted": true}}') as unknown,
  { constructor: { prototype: { polluted: true } } }, { $ne: null }, Array.from({ length: 1_100 }, () => 'claims.read'), nested(60),
]; // prettier-ignore

function nested(depth: number): unknown {
  return depth === 0 ? 'deep' : { a: nested(depth - 1) };
}

export interface ValueMaker {
  /** A value for the schema; with probability `hostility`, at each place in it, one that is not. */
  make(schema: Schema, hostility: number): unknown;
}

export interface ValueOptions {
  readonly random: Random;
  readonly resolve: (ref: string) => Schema;
  /** Ids, names and texts of the world. */
  readonly words: () => readonly string[];
}

export function createValues({ random, resolve, words }: ValueOptions): ValueMaker {
  const matching = new Map<string, RegExp>();

  function fits(text: string, schema: Schema): boolean {
    if (text.length < (schema.minLength ?? 0) || text.length > (schema.maxLength ?? Infinity)) return false;
    if (schema.pattern === undefined) return true;
    const pattern = matching.get(schema.pattern) ?? new RegExp(schema.pattern, 'u');
    matching.set(schema.pattern, pattern);
    return pattern.test(text);
  }

  function makeString(schema: Schema): string {
    if (schema.format === 'date-time') return random.pick(TIMES);
    const fitting = words().filter((word) => fits(word, schema));
    return fitting.length === 0 ? 'x'.repeat(Math.max(1, schema.minLength ?? 0)) : random.pick(fitting);
  }

  function makeObject(schema: Schema, hostility: number): Record<string, unknown> {
    const entries = Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
      const isWanted = schema.required?.includes(name) === true ? !random.chance(hostility) : random.chance(0.4);
      return isWanted ? [[name, make(property, hostility)] as const] : [];
    });
    if (typeof schema.additionalProperties === 'object') {
      entries.push([random.pick(words()), make(schema.additionalProperties, hostility)]);
    }
    if (random.chance(hostility)) entries.push([random.pick(['extra', 'tenantId', 'isSystem', '__proto__']), 'x']);
    return Object.fromEntries(entries);
  }

  function makeArray(schema: Schema, hostility: number): unknown[] {
    const most = Math.min(schema.maxItems ?? 4, 4);
    const length = Math.max(schema.minItems ?? 0, random.below(most + 1));
    return Array.from({ length }, () => make(schema.items ?? {}, hostility));
  }

  function ofType(schema: Schema, hostility: number): unknown {
    const type = typeof schema.type === 'object' ? random.pick(schema.type) : (schema.type ?? guessType(schema));
    switch (type) {
      case 'string':
        return makeString(schema);
      case 'integer':
      case 'number':
        return between(schema);
      case 'boolean':
        return random.chance(0.5);
      case 'array':
        return makeArray(schema, hostility);
      case 'null':
        return null;
      default:
        return makeObject(schema, hostility);
    }
  }

  function between({ minimum = 0, maximum = 1_000 }: Schema): number {
    if (random.chance(0.3)) return random.pick([minimum, maximum]);
    return minimum + random.below((random.chance(0.2) ? Math.min(maximum - minimum, 50) : maximum - minimum) + 1);
  }

  function make(schema: Schema, hostility: number): unknown {
    if (random.chance(hostility)) return random.pick(HOSTILE_VALUES);
    if (schema.$ref !== undefined) return make(resolve(schema.$ref), hostility);
    if (schema.const !== undefined) return schema.const;
    if (schema.enum !== undefined) return random.pick(schema.enum);
    const choices = schema.oneOf ?? schema.anyOf;
    if (choices !== undefined) {
      const chosen = make(random.pick(choices), hostility);
      if (schema.properties === undefined || typeof chosen !== 'object') return chosen;
      return { ...makeObject(schema, hostility), ...chosen };
    }
    if (schema.allOf !== undefined) {
      const parts = schema.allOf.map((part) => make(part, hostility));
      return parts.every((part) => typeof part === 'object') ? Object.assign({}, ...parts) : parts[0];
    }
    return ofType(schema, hostility);
  }
  return { make };
}

/** Around now, and far from it. */
const TIMES = ['2020-01-01T00:00:00Z', '2026-11-26T12:00:00.5Z', '2027-06-01T08:00:00+02:00', '2099-12-31T23:59:59Z'];

function guessType({ items, pattern }: Schema): string {
  if (items !== undefined) return 'array';
  return pattern === undefined ? 'object' : 'string';
}

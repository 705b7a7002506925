/**
 * How long the arrays of a body may be, looked at before the validator sees them.
 *
 * The validator says all that is wrong with a body, so it goes through every item of an array even where there are too
 * many, in time that is the square of their number: 40,000 empty objects for `checks` took 24 seconds of the only thread.
 * Every array of the contract has its `maxItems` (tests/support/house-rules.ts); up to that the square does no harm.
 * INVARIANT: no body takes the validator longer than its size accounts for. tests/contract/validation-time.test.ts.
 */
import type { ContractDocument, ContractOperation } from './contract.js';
import { invalidRequest } from './problems.js';

/** The parts of a schema that lead to arrays. */
interface Schema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly maxItems?: number;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

/** A place in a body at or below which there may be arrays. */
interface Place {
  readonly maxItems: number;
  readonly items: Place | undefined;
  readonly fields: ReadonlyMap<string, Place>;
}

/** Throws Problem INVALID_REQUEST, naming the field, where a body has an array longer than the contract lets it be. */
export type RefuseLongArrays = (body: unknown) => void;

/** Reads the bounds of an operation's body out of the contract. A schema that holds itself would have no end here. */
export function createArrayBounds(document: ContractDocument, { path, method }: ContractOperation): RefuseLongArrays {
  const schemas: Schema[] = Object.values(
    document.paths[path]?.[method.toLowerCase()]?.requestBody?.content ?? {},
  ).flatMap((media: { readonly schema?: Schema }) => media.schema ?? []);
  const place = placeOf(document, schemas);
  return (body) => {
    if (place !== undefined) refuse(body, place, '');
  };
}

function placeOf(document: ContractDocument, schemas: readonly Schema[]): Place | undefined {
  if (schemas.length === 0) return undefined;
  const here = schemas.flatMap((schema) => partsOf(document, schema));
  const fields = new Map<string, Place>();
  for (const name of new Set(here.flatMap(({ properties = {} }) => Object.keys(properties)))) {
    const field = placeOf(
      document,
      here.flatMap(({ properties = {} }) => properties[name] ?? []),
    );
    if (field !== undefined) fields.set(name, field);
  }
  const items = placeOf(
    document,
    here.flatMap((schema) => schema.items ?? []),
  );
  const bounds = here.flatMap(({ maxItems }) => maxItems ?? []);
  if (bounds.length === 0 && fields.size === 0 && items === undefined) return undefined;
  // Where it may be one array or another, the longer one, and where it may be none, any: the validator tells those apart.
  return { maxItems: bounds.length === 0 ? Infinity : Math.max(...bounds), items, fields };
}

/** A schema and what it is put together from. */
function partsOf(document: ContractDocument, schema: Schema): Schema[] {
  const { $ref, allOf = [], anyOf = [], oneOf = [] } = schema;
  const parts = [...allOf, ...anyOf, ...oneOf, ...($ref === undefined ? [] : [componentOf(document, $ref)])];
  return [schema, ...parts.flatMap((part) => partsOf(document, part))];
}

function componentOf({ components }: ContractDocument, reference: string): Schema {
  const [section = '', name = ''] = reference.replace('#/components/', '').split('/');
  // sliceOf has refused a reference that leads nowhere.
  return components?.[section]?.[name] as Schema;
}

function refuse(value: unknown, { maxItems, items, fields }: Place, field: string): void {
  if (typeof value !== 'object' || value === null) return;
  const below = (name: string | number): string => (field === '' ? String(name) : `${field}/${name}`);
  if (Array.isArray(value)) {
    if (value.length > maxItems) {
      throw invalidRequest([{ field: field || 'body', message: `must NOT have more than ${maxItems} items` }]);
    }
    if (items !== undefined) value.forEach((item, at) => refuse(item, items, below(at)));
    return;
  }
  for (const [name, place] of fields) {
    // One that is inherited is none of the body's.
    if (Object.hasOwn(value, name)) refuse(value[name as keyof typeof value], place, below(name));
  }
}

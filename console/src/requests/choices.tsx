/**
 * The role and the person that a request is about, chosen by name. What may be chosen the service says, to everybody who
 * may send the request; nobody needs a permission for it, nor an id.
 */
import { useQuery } from '@tanstack/react-query';

import type { OfferedFor, OfferedPerson, OfferedRole } from '../../../src/contract/api.js';
import { call } from '../api/client.js';
import { SelectField } from '../parts/field.js';
import { FoundChoice } from '../parts/found-choice.js';
import { Refusal } from '../parts/states.js';
import { t } from '../text/text.js';
import { KEY } from './data.js';

interface ChoiceProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
}

/** Pages of roles that are read; nobody chooses from more. */
const PAGES_MAX = 5;
const PEOPLE = 20;

async function readRoles(offeredFor: OfferedFor, signal: AbortSignal): Promise<OfferedRole[]> {
  const roles: OfferedRole[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const query = { for: offeredFor, limit: 200, ...(cursor === undefined ? {} : { cursor }) };
    const { items, nextCursor } = await call('listOfferedRoles', { query }, { signal });
    roles.push(...items);
    if (nextCursor === null) break;
    cursor = nextCursor;
  }
  return roles;
}

/** One of the roles that may be asked for, handed on or taken; `none` is what stands for none of them. */
export function RoleChoice({
  offeredFor,
  none,
  value,
  onChange,
}: ChoiceProps & { offeredFor: OfferedFor; none?: string }) {
  const { data: roles, error } = useQuery({
    queryKey: [KEY, 'offered', 'roles', offeredFor],
    queryFn: ({ signal }) => readRoles(offeredFor, signal),
    staleTime: 0,
  });
  if (error !== null) return <Refusal error={error} />;
  const first = none ?? t(roles === undefined ? 'common.loading' : 'requests.choose');
  const chosen = roles?.find(({ id }) => id === value);
  const hint = roles?.length === 0 ? t(`requests.role.none.${offeredFor}`) : chosen?.description;
  const named = (roles ?? []).map(({ id, roleName }) => ({ value: id, label: roleName }));
  return (
    <SelectField
      label={t('requests.role')}
      options={[{ value: '', label: first }, ...named]}
      required={none === undefined}
      {...{ hint, value, onChange }}
    />
  );
}

/** Somebody else of the tenant, found by how their name begins. */
export function PersonChoice({ label, value, onChange }: ChoiceProps & { label: string }) {
  return (
    <FoundChoice
      hint={t('requests.person.hint')}
      of={[KEY, 'offered', 'people']}
      find={async (namePrefix, signal) => {
        const query = { limit: PEOPLE, ...(namePrefix === '' ? {} : { namePrefix }) };
        const { items, nextCursor } = await call('listOfferedPeople', { query }, { signal });
        return { options: items.map((person) => optionOf(person, items)), hasMore: nextCursor !== null };
      }}
      fits={(person, text) => ` ${person.label.toLowerCase()}`.includes(` ${text.toLowerCase()}`)}
      {...{ label, value, onChange }}
    />
  );
}

/** By name; where two have the same, or one has none, by their id as well. */
function optionOf({ id, displayName }: OfferedPerson, people: readonly OfferedPerson[]) {
  if (displayName === '') return { value: id, label: id };
  const isTwin = people.some((other) => other.id !== id && other.displayName === displayName);
  return { value: id, label: displayName, more: isTwin ? id : undefined };
}

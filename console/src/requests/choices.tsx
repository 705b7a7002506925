/**
 * The role and the person that a request is about, chosen by name. What may be chosen the service says, to everybody who
 * may send the request; nobody needs a permission for it, nor an id.
 */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import type { OfferedFor, OfferedPerson, OfferedRole } from '../../../src/contract/api.js';
import { call } from '../api/client.js';
import { Combobox } from '../parts/combobox.js';
import { SelectField } from '../parts/field.js';
import { useSettled } from '../parts/settled.js';
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
  const [text, setText] = useState('');
  const namePrefix = useSettled(text.trim());
  const { data, error, isFetching } = useQuery({
    queryKey: [KEY, 'offered', 'people', namePrefix],
    queryFn: ({ signal }) =>
      call('listOfferedPeople', { query: { limit: PEOPLE, ...(namePrefix === '' ? {} : { namePrefix }) } }, { signal }),
    // What was chosen is not searched for.
    enabled: value === '',
    placeholderData: (before) => before,
    staleTime: 30_000,
  });
  const people = (data?.items ?? []).filter(({ displayName }) => beginsWith(displayName, text.trim()));
  return (
    <>
      {error !== null && <Refusal error={error} />}
      <Combobox
        label={label}
        hint={t('requests.person.hint')}
        options={people.map((person) => optionOf(person, people))}
        isBusy={isFetching || text.trim() !== namePrefix}
        hasMore={(data?.nextCursor ?? null) !== null}
        text={text}
        onText={setText}
        {...{ value, onChange }}
      />
    </>
  );
}

/** As the service finds them: what was listed for less is not chosen by more that has been typed meanwhile. */
const beginsWith = (name: string, typed: string): boolean =>
  typed === '' || ` ${name.toLowerCase()}`.includes(` ${typed.toLowerCase()}`);

/** By name; where two have the same, or one has none, by their id as well. */
function optionOf({ id, displayName }: OfferedPerson, people: readonly OfferedPerson[]) {
  if (displayName === '') return { value: id, label: id };
  const isTwin = people.some((other) => other.id !== id && other.displayName === displayName);
  return { value: id, label: displayName, more: isTwin ? id : undefined };
}

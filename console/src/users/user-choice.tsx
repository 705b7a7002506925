import type { User } from '../../../src/contract/api.js';
import { call } from '../api/client.js';
import { FoundChoice } from '../parts/found-choice.js';
import { t } from '../text/text.js';
import { nameOf } from './people.js';

const SHOWN = 20;

interface UserChoiceProps {
  readonly label: string;
  /** Who is not to be chosen; empty for nobody. */
  readonly notId: string;
  readonly value: string;
  readonly onChange: (userId: string, name: string) => void;
}

/** A user of the tenant, found by a part of their name or address, for whoever may see people. */
export function UserChoice({ label, notId, value, onChange }: UserChoiceProps) {
  return (
    <FoundChoice
      hint={t('users.choose.hint')}
      of={['people', 'found', notId]}
      find={async (search, signal) => {
        const query = { limit: SHOWN, ...(search === '' ? {} : { search }) };
        const { items, nextCursor } = await call('listPeople', { query }, { signal });
        return { options: items.filter(({ id }) => id !== notId).map(optionOf), hasMore: nextCursor !== null };
      }}
      fits={(option, text) => `${option.label}\n${option.more ?? ''}`.toLowerCase().includes(text.toLowerCase())}
      {...{ label, value, onChange }}
    />
  );
}

function optionOf(user: User) {
  const label = nameOf(user);
  return { value: user.id, label, more: label === user.email ? undefined : user.email };
}

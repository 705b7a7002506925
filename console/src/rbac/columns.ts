/** Which roles are columns: all but those that were put away, which this browser remembers, or the two that are compared. */
import { useState } from 'react';

import type { Role } from '../../../src/contract/api.js';
import { useTenantId } from '../api/me.js';
import { usePlace } from '../router.js';

export interface Columns {
  readonly shown: readonly Role[];
  readonly compared: readonly [Role, Role] | undefined;
  readonly isHidden: (roleId: string) => boolean;
  readonly setHidden: (roleId: string, isHidden: boolean) => void;
  readonly showAll: () => void;
}

export function useColumns(roles: readonly Role[]): Columns {
  const key = `bailiwick.columns.${useTenantId()}`;
  const { query } = usePlace();
  const [hidden, setHiddenIds] = useState<ReadonlySet<string>>(
    () => new Set((localStorage.getItem(key) ?? '').split(' ')),
  );
  const keep = (next: ReadonlySet<string>): void => {
    localStorage.setItem(key, [...next].join(' '));
    setHiddenIds(next);
  };
  const [first, second] = (query.get('compare') ?? '').split(',').map((id) => roles.find((role) => role.id === id));
  const compared = first !== undefined && second !== undefined ? ([first, second] as const) : undefined;
  return {
    compared,
    shown: compared ?? roles.filter(({ id }) => !hidden.has(id)),
    isHidden: (roleId) => hidden.has(roleId),
    setHidden: (roleId, isHidden) => {
      const next = new Set(hidden);
      if (isHidden) next.add(roleId);
      else next.delete(roleId);
      keep(next);
    },
    showAll: () => keep(new Set()),
  };
}

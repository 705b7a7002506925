/** What the drawer of effective permissions lists: as it is, or as it would be with the roles that are chosen. */
import type { EffectivePermission } from '../../../src/contract/api.js';
import { hasBegun, type TimeWindow } from '../text/time-window.js';
import type { Hypothesis } from './effective-scope-drawer.js';

export interface Item {
  readonly permission: string;
  readonly description: string;
  readonly granted: boolean;
  readonly drift: boolean;
  readonly origins: readonly (TimeWindow & { readonly roleName: string })[];
  /** Against what is so now. */
  readonly change?: 'gained' | 'lost' | undefined;
}

interface Supposed {
  /** What they could do then; undefined where nothing is supposed. */
  readonly after: readonly string[] | undefined;
  readonly hypothesis: Hypothesis | undefined;
}

/** The service says what would be granted; where it would come from follows from the roles. */
export function itemsWith(effective: readonly EffectivePermission[], { after, hypothesis }: Supposed): Item[] {
  if (after === undefined || hypothesis === undefined) return [...effective];
  const then = new Set(after);
  const items = effective.map((item): Item => {
    const granted = then.has(item.permission);
    const change = granted === item.granted ? undefined : granted ? 'gained' : 'lost';
    return { ...item, granted, change, origins: originsThen(item, hypothesis) };
  });
  // What would change comes first: it is what one looks for.
  return [...items.filter(({ change }) => change !== undefined), ...items.filter(({ change }) => change === undefined)];
}

function originsThen({ permission, origins }: EffectivePermission, { changes, roles }: Hypothesis): Item['origins'] {
  const changed = new Map(changes.map((change) => [change.roleId, change]));
  const kept = origins.filter(({ roleId }) => !changed.has(roleId));
  const added = changes
    .filter((change) => {
      const role = roles.find(({ id }) => id === change.roleId);
      return change.kind !== 'removed' && hasBegun(change) && role?.permissionIds.includes(permission) === true;
    })
    .map(({ roleName, validFrom, expiresAt }) => ({ roleName, validFrom, expiresAt }));
  return [...kept, ...added];
}

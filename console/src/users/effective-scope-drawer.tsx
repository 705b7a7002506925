/**
 * What a user may do, each permission once, with every role that it comes from; what they may not do is listed too. Before
 * something is saved, the same is shown as it would be. `granted` is the engine's word and the origins are the rows'; where
 * the two disagree, that is said and not hidden.
 */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import type { Role, User } from '../../../src/contract/api.js';
import { call } from '../api/client.js';
import { useTenantId } from '../api/me.js';
import { syncHeader } from '../api/sync.js';
import { Drawer } from '../parts/dialog.js';
import { Icon } from '../parts/icon.js';
import { Failed, Highlight, Loading, Notice } from '../parts/states.js';
import { windowText } from '../text/dates.js';
import { t } from '../text/text.js';
import { windowBody } from '../text/time-window.js';
import type { AssignmentChange } from './assignment-changes.js';
import { nameOf } from './people.js';
import { type Item, itemsWith } from './scope-items.js';
import { Why } from './why.js';

export interface Hypothesis {
  readonly changes: readonly AssignmentChange[];
  readonly roles: readonly Role[];
}

interface ScopeProps {
  readonly user: User;
  readonly hypothesis?: Hypothesis;
  readonly onClose: () => void;
}

function useEffective(userId: string) {
  return useQuery({
    queryKey: ['people', 'effective', userId],
    queryFn: async ({ signal }) => {
      const input = { path: { id: userId }, query: { all: true }, headers: syncHeader() };
      return (await call('getEffectivePermissions', input, { signal })).items;
    },
    staleTime: 0,
  });
}

/** What they could do if the changes were made; undefined where there are none. */
function useHypothetical(userId: string, hypothesis: Hypothesis | undefined) {
  const tenant = useTenantId();
  const changes = hypothesis?.changes ?? [];
  return useQuery({
    queryKey: ['people', 'what-if', userId, changes],
    enabled: changes.length > 0 && tenant !== '',
    staleTime: 0,
    queryFn: async ({ signal }) => {
      const supposed = changes.map((change) => {
        const named = { user: userId, roleId: change.roleId };
        return change.kind === 'removed' ? { revokeRole: named } : { assignRole: { ...named, ...windowBody(change) } };
      });
      const body = { tenant, changes: supposed, ask: { effectivePermissions: { user: userId } } };
      return (await call('whatIf', { body, headers: syncHeader() }, { signal })).effectivePermissions;
    },
  });
}

export function EffectiveScopeDrawer({ user, hypothesis, onClose }: ScopeProps) {
  const effective = useEffective(user.id);
  const supposed = useHypothetical(user.id, hypothesis);
  const failed = [effective, supposed].find(({ isError }) => isError);
  const isWaiting = hypothesis !== undefined && hypothesis.changes.length > 0 && supposed.data === undefined;
  const drifting = effective.data?.filter(({ drift }) => drift).length ?? 0;
  return (
    <Drawer title={t('scope.title')} subtitle={`${nameOf(user)} · ${user.email}`} onClose={onClose}>
      {hypothesis !== undefined && <Notice>{t('scope.hypothetical')}</Notice>}
      {drifting > 0 && <Notice kind="warn">{t('drift.banner', { count: drifting })}</Notice>}
      {failed !== undefined ? (
        <Failed error={failed.error} onRetry={() => void failed.refetch()} />
      ) : effective.data === undefined || isWaiting ? (
        <Loading rows={10} />
      ) : (
        <Scope
          userId={user.id}
          items={itemsWith(effective.data, { after: supposed.data?.after, hypothesis })}
          isHypothetical={hypothesis !== undefined}
        />
      )}
    </Drawer>
  );
}

type Shown = 'all' | 'granted' | 'notGranted';
const SHOWN: readonly Shown[] = ['all', 'granted', 'notGranted'];

function Scope({ userId, items, isHypothetical }: { userId: string; items: readonly Item[]; isHypothetical: boolean }) {
  const [search, setSearch] = useState('');
  const [shown, setShown] = useState<Shown>('all');
  const wanted = search.toLowerCase();
  const left = items.filter(
    ({ permission, description, granted }) =>
      (shown === 'all' || granted === (shown === 'granted')) &&
      [permission, description].some((text) => text.toLowerCase().includes(wanted)),
  );
  return (
    <div className="stack">
      <input
        type="search"
        aria-label={t('scope.search')}
        placeholder={t('scope.search')}
        value={search}
        onChange={(event) => setSearch(event.target.value)}
      />
      <div className="row">
        {SHOWN.map((one) => (
          <button
            key={one}
            type="button"
            className="button button-small"
            aria-pressed={shown === one}
            onClick={() => setShown(one)}
          >
            {t(`scope.${one}`)}
          </button>
        ))}
        <span className="quiet small">
          {t('scope.counts', { granted: items.filter(({ granted }) => granted).length, total: items.length })}
        </span>
      </div>
      {left.length === 0 && <p className="quiet">{t('scope.none')}</p>}
      <ul className="scope">
        {left.map((item) => (
          <ScopeItem key={item.permission} item={item} search={search} userId={userId} mayAskWhy={!isHypothetical} />
        ))}
      </ul>
    </div>
  );
}

function ScopeItem({
  item,
  search,
  userId,
  mayAskWhy,
}: {
  item: Item;
  search: string;
  userId: string;
  mayAskWhy: boolean;
}) {
  const [asksWhy, setAsksWhy] = useState(false);
  return (
    <li className={item.granted ? 'scope-item' : 'scope-item scope-not'}>
      <span className="scope-sign">
        <Icon name={item.granted ? 'check' : 'minus'} size={15} />
        <span className="unseen">{t(item.granted ? 'scope.granted' : 'scope.notGranted')}</span>
      </span>
      <div className="grow">
        <code>
          <Highlight text={item.permission} search={search} />
        </code>{' '}
        <span className="small quiet">{item.description}</span>
        <div className="chips">
          {item.change !== undefined && (
            <span className={item.change === 'gained' ? 'chip chip-good' : 'chip chip-bad'}>
              {t(`scope.${item.change}`)}
            </span>
          )}
          {item.origins.map((origin) => (
            <span key={origin.roleName} className="chip">
              {origin.roleName}
              <span className="quiet">{windowText(origin)}</span>
            </span>
          ))}
          {item.drift && <span className="chip chip-warn">{t('scope.drift')}</span>}
        </div>
        {asksWhy && <Why userId={userId} permission={item.permission} />}
      </div>
      {mayAskWhy && (
        <button
          type="button"
          className="button-link small"
          aria-expanded={asksWhy}
          aria-label={t('scope.why.of', { permission: item.permission })}
          onClick={() => setAsksWhy(!asksWhy)}
        >
          {t('scope.why')}
        </button>
      )}
    </li>
  );
}

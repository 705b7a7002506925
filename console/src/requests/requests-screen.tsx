/**
 * `/requests`: rights for a time. What one asks for, hands on or takes in an emergency, and, for whoever administers
 * people, what everybody does and what waits for an answer.
 */
import { useMay } from '../api/me.js';
import { setQuery, usePlace } from '../router.js';
import { t } from '../text/text.js';
import { Delegations } from './delegations.js';
import { Elevations } from './elevations.js';
import { Emergencies } from './emergencies.js';

const TABS = ['roles', 'delegations', 'emergency'] as const;

export function RequestsScreen() {
  const { query } = usePlace();
  const maySeeAll = useMay('users.read');
  const tab = TABS.find((one) => one === query.get('tab')) ?? 'roles';
  const isAll = maySeeAll && query.get('whose') !== 'mine';
  return (
    <div className="stack">
      <h1>{t('requests.title')}</h1>
      <p className="quiet">{t('requests.intro')}</p>
      <div className="row toolbar">
        <div className="segments" role="group" aria-label={t('requests.tab')}>
          {TABS.map((one) => (
            <button
              key={one}
              type="button"
              className="button"
              aria-pressed={one === tab}
              onClick={() => setQuery({ tab: one, status: undefined })}
            >
              {t(`requests.tab.${one}`)}
            </button>
          ))}
        </div>
        {maySeeAll && (
          <select
            className="toolbar-select"
            aria-label={t('requests.whose')}
            value={isAll ? 'all' : 'mine'}
            onChange={(event) => setQuery({ whose: event.target.value })}
          >
            <option value="all">{t('requests.whose.all')}</option>
            <option value="mine">{t('requests.whose.mine')}</option>
          </select>
        )}
      </div>
      {tab === 'roles' && <Elevations isAll={isAll} />}
      {tab === 'delegations' && <Delegations isAll={isAll} />}
      {tab === 'emergency' && <Emergencies isAll={isAll} />}
    </div>
  );
}

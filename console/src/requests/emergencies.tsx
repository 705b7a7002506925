/**
 * Roles taken at once in an emergency, with an alarm, and what somebody else says of it afterwards. What is not reviewed
 * yet says so, whether it still runs or not.
 */
import { useState } from 'react';

import type { EmergencyAccess } from '../../../src/contract/api.js';
import { call } from '../api/client.js';
import { useMay, useMe } from '../api/me.js';
import { momentOf, When } from '../text/dates.js';
import { t } from '../text/text.js';
import { useNames, usePages } from './data.js';
import { TakeDialog, VerdictDialog } from './emergency-dialogs.js';
import { Status } from './parts.js';
import { RequestList } from './request-list.js';
import { useSettle } from './settle.js';
import { StatusFilter, useStatus } from './status-filter.js';

const STATUSES = ['active', 'ended', 'expired'] as const;

export function Emergencies({ isAll }: { isAll: boolean }) {
  const status = useStatus(STATUSES);
  const pages = usePages(['emergencies', isAll, status], (place, signal) => {
    const query = { ...place, ...(status === undefined ? {} : { status }) };
    return call(isAll ? 'listEmergencies' : 'listMyEmergencies', { query }, { signal });
  });
  const [judged, setJudged] = useState<EmergencyAccess>();
  return (
    <>
      <RequestList
        pages={pages}
        row={(item) => <Row key={item.id} item={item} onJudge={setJudged} />}
        none="requests.none.emergency"
        filter={<StatusFilter of={STATUSES} />}
        action={{ label: 'requests.emergency', icon: 'alert', className: 'button-danger' }}
        dialog={(close) => <TakeDialog onClose={close} />}
      />
      {judged !== undefined && <VerdictDialog item={judged} onClose={() => setJudged(undefined)} />}
    </>
  );
}

function Row({ item, onJudge }: { item: EmergencyAccess; onJudge: (item: EmergencyAccess) => void }) {
  const { nameOf } = useNames();
  const mayJudge = useMay('users.admin');
  const isMine = useMe().data?.userId === item.userId;
  const { isBusy, press } = useSettle();
  return (
    <tr>
      <th scope="row">
        <strong>{nameOf(item.userId)}</strong>
        <div className="small quiet">
          <When at={item.takenAt} />
        </div>
      </th>
      <td>
        <span className="mono">{item.roleName}</span>
        <div className="small quiet">{t('requests.emergency.changes', { count: item.changes })}</div>
      </td>
      <td>
        {item.reason}
        <div className="small quiet mono">{item.ticket}</div>
      </td>
      <td>
        <div className="chips">
          <Status status={item.status} />
          <Verdict item={item} />
        </div>
        {item.status === 'active' && (
          <div className="small quiet">{t('window.until', { when: momentOf(item.expiresAt) })}</div>
        )}
        {item.reviewComment !== null && <div className="small quiet">{item.reviewComment}</div>}
      </td>
      <td>
        <div className="table-actions">
          {item.status === 'active' && isMine && (
            <button
              type="button"
              className="button button-small"
              disabled={isBusy}
              onClick={press(() => call('endEmergencyAccess', { path: { id: item.id } }), t('requests.ended'))}
            >
              {t('requests.end')}
            </button>
          )}
          {item.verdict === null && !isMine && mayJudge && (
            <button type="button" className="button button-small button-main" onClick={() => onJudge(item)}>
              {t('requests.emergency.review')}
            </button>
          )}
        </div>
      </td>
    </tr>
  );
}

function Verdict({ item: { verdict } }: { item: EmergencyAccess }) {
  if (verdict === null) return <span className="chip chip-warn">{t('requests.emergency.unreviewed')}</span>;
  const kind = verdict === 'justified' ? 'chip-good' : 'chip-bad';
  return <span className={`chip ${kind}`}>{t(`requests.emergency.${verdict}`)}</span>;
}

/**
 * Requests for a role: asked for by one, answered by somebody else who may assign it, ended by itself. Each row offers
 * what its reader may do about it now, and nothing else.
 */
import { useState } from 'react';

import type { Elevation } from '../../../src/contract/api.js';
import { call } from '../api/client.js';
import { useMay, useMe } from '../api/me.js';
import { momentOf, When } from '../text/dates.js';
import { t } from '../text/text.js';
import { useNames, usePages } from './data.js';
import { type Answer, AnswerDialog, AskDialog } from './elevation-dialogs.js';
import { durationOf, Status } from './parts.js';
import { RequestList } from './request-list.js';
import { StatusFilter, useStatus } from './status-filter.js';
import { useSettle } from './settle.js';

const STATUSES = ['pending', 'approved', 'denied', 'cancelled', 'lapsed', 'ended', 'expired'] as const;

export function Elevations({ isAll }: { isAll: boolean }) {
  const status = useStatus(STATUSES);
  const pages = usePages(['elevations', isAll, status], (place, signal) => {
    const query = { ...place, ...(status === undefined ? {} : { status }) };
    return call(isAll ? 'listElevations' : 'listMyElevations', { query }, { signal });
  });
  const [answer, setAnswer] = useState<Answer>();
  return (
    <>
      <RequestList
        pages={pages}
        row={(item) => <Row key={item.id} item={item} onAnswer={setAnswer} />}
        none="requests.none.roles"
        filter={<StatusFilter of={STATUSES} />}
        action={{ label: 'requests.ask', icon: 'plus', className: 'button-main' }}
        dialog={(close) => <AskDialog onClose={close} />}
      />
      {answer !== undefined && <AnswerDialog answer={answer} onClose={() => setAnswer(undefined)} />}
    </>
  );
}

function Row({ item, onAnswer }: { item: Elevation; onAnswer: (answer: Answer) => void }) {
  const { nameOf } = useNames();
  return (
    <tr>
      <th scope="row">
        <strong>{nameOf(item.userId)}</strong>
        <div className="small quiet">
          <When at={item.requestedAt} />
        </div>
      </th>
      <td>
        <span className="mono">{item.roleName}</span>
        <div className="small quiet">{t('requests.for', { duration: durationOf(item.durationMinutes) })}</div>
      </td>
      <td>
        {item.reason}
        {item.ticket !== null && <div className="small quiet mono">{item.ticket}</div>}
      </td>
      <td>
        <Status status={item.status} />
        <Since item={item} nameOf={nameOf} />
      </td>
      <td>
        <Actions item={item} name={nameOf(item.userId)} onAnswer={onAnswer} />
      </td>
    </tr>
  );
}

function Since({ item, nameOf }: { item: Elevation; nameOf: (userId: string) => string }) {
  const ended = item.endedAt ?? item.decidedAt;
  return (
    <div className="small quiet">
      {item.decidedByUserId !== null && <div>{nameOf(item.decidedByUserId)}</div>}
      {item.status === 'pending' && t('requests.answerBy', { when: momentOf(item.answerBy) })}
      {item.status === 'approved' && item.expiresAt !== null && t('window.until', { when: momentOf(item.expiresAt) })}
      {item.status !== 'pending' && item.status !== 'approved' && ended !== null && <When at={ended} />}
      {item.decisionReason !== null && <div>{item.decisionReason}</div>}
    </div>
  );
}

function Actions({ item, name, onAnswer }: { item: Elevation; name: string; onAnswer: (answer: Answer) => void }) {
  const mayAnswer = useMay('users.update');
  const isMine = useMe().data?.userId === item.userId;
  const { isBusy, press } = useSettle();
  const { id } = item;
  const answers = (kind: Answer['kind']) => (
    <button
      type="button"
      className={kind === 'approve' ? 'button button-small button-main' : 'button button-small'}
      aria-label={t(`requests.${kind}.title`, { role: item.roleName, name })}
      onClick={() => onAnswer({ kind, item, name })}
    >
      {t(`requests.${kind}`)}
    </button>
  );
  const mine = (work: () => ReturnType<typeof call<'cancelElevation'>>, label: string, done: string) => (
    <button type="button" className="button button-small" disabled={isBusy} onClick={press(work, done)}>
      {label}
    </button>
  );
  return (
    <div className="table-actions">
      {item.status === 'pending' && !isMine && mayAnswer && answers('approve')}
      {item.status === 'pending' && !isMine && mayAnswer && answers('deny')}
      {item.status === 'pending' &&
        isMine &&
        mine(() => call('cancelElevation', { path: { id } }), t('requests.cancel'), t('requests.cancelled'))}
      {item.status === 'approved' &&
        isMine &&
        mine(() => call('endElevation', { path: { id } }), t('requests.end'), t('requests.ended'))}
    </div>
  );
}

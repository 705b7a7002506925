/**
 * One review: each assignment with what speaks for and against it, kept with one press, or revoked with two, since that is
 * for good. What is one's own is shown without buttons: nobody reviews themselves.
 */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import type { Review, ReviewItemWithHints } from '../../../src/contract/api.js';
import { addressOf, call } from '../api/client.js';
import { useMay, useMe } from '../api/me.js';
import { AskDialog } from '../parts/ask-dialog.js';
import { useExport } from '../parts/export.js';
import { onPress } from '../parts/press.js';
import { Failed, Loading } from '../parts/states.js';
import { setQuery, usePlace } from '../router.js';
import { Link } from '../shell/link.js';
import { When } from '../text/dates.js';
import { t } from '../text/text.js';
import { useNames, usePages } from './data.js';
import { List } from './parts.js';
import { CloseDialog } from './review-dialogs.js';
import { Progress } from './reviews-screen.js';
import { useSettle, useSubmit } from './settle.js';

const DECISIONS = ['undecided', 'keep', 'revoke'] as const;

export function ReviewItems({ reviewId }: { reviewId: string }) {
  const review = useQuery({
    queryKey: ['requests', 'review', reviewId],
    queryFn: ({ signal }) => call('getReview', { path: { id: reviewId } }, { signal }),
  });
  if (review.isPending) return <Loading />;
  if (review.isError) return <Failed error={review.error} onRetry={() => void review.refetch()} />;
  return (
    <div className="stack">
      <Head review={review.data} />
      <Items review={review.data} />
    </div>
  );
}

function Head({ review }: { review: Review }) {
  const mayDecide = useMay('users.admin');
  const [isClosing, setClosing] = useState(false);
  return (
    <>
      <p>
        <Link to="/admin/reviews">{t('reviews.back')}</Link>
      </p>
      <div className="row">
        <h1 className="grow">{review.name}</h1>
        <Evidence review={review} />
        {review.status === 'open' && mayDecide && (
          <button type="button" className="button" onClick={() => setClosing(true)}>
            {t('reviews.close')}
          </button>
        )}
      </div>
      <Progress review={review} />
      {isClosing && <CloseDialog review={review} onClose={() => setClosing(false)} />}
    </>
  );
}

/** The whole review as a file; that it was taken stands in the audit log. */
function Evidence({ review: { id } }: { review: Review }) {
  const save = useExport();
  const address = addressOf('/admin/reviews/{id}/export', { path: { id }, query: { format: 'csv' } });
  return (
    <button type="button" className="button" onClick={() => save('access-review.csv', address)}>
      {t('reviews.export')}
    </button>
  );
}

function Items({ review }: { review: Review }) {
  const { query } = usePlace();
  const decision = DECISIONS.find((one) => one === query.get('decision'));
  const pages = usePages(['items', review.id, decision], (place, signal) => {
    const query = { ...place, ...(decision === undefined ? {} : { decision }) };
    return call('listReviewItems', { path: { id: review.id }, query }, { signal });
  });
  return (
    <>
      <div className="row toolbar">
        <select
          className="toolbar-select"
          aria-label={t('reviews.decision')}
          value={decision ?? ''}
          onChange={(event) => setQuery({ decision: event.target.value })}
        >
          <option value="">{t('reviews.decision.any')}</option>
          {DECISIONS.map((one) => (
            <option key={one} value={one}>
              {t(`reviews.decision.${one}`)}
            </option>
          ))}
        </select>
      </div>
      <List
        pages={pages}
        heads={['requests.who', 'requests.what', 'reviews.hints', 'reviews.decision', 'requests.actions']}
        none={{ title: 'reviews.empty', detail: 'reviews.intro' }}
        row={(item) => <Row key={item.id} review={review} item={item} />}
      />
    </>
  );
}

function Row({ review, item }: { review: Review; item: ReviewItemWithHints }) {
  const { nameOf } = useNames();
  return (
    <tr>
      <th scope="row">
        <strong>{nameOf(item.userId)}</strong>
      </th>
      <td>
        <span className="mono">{item.roleName}</span>
        <div className="small quiet">
          <When at={item.assignedAt} />
        </div>
      </td>
      <td>
        <Hints hints={item.hints} />
      </td>
      <td>
        {t(`reviews.decision.${item.decision ?? 'undecided'}`)}
        {item.decidedByUserId !== null && <div className="small quiet">{nameOf(item.decidedByUserId)}</div>}
      </td>
      <td>
        {review.status === 'open' && item.decision !== 'revoke' && (
          <Decide review={review} item={item} name={nameOf(item.userId)} />
        )}
      </td>
    </tr>
  );
}

function Hints({ hints: { unused, dormant, withoutManager } }: { hints: ReviewItemWithHints['hints'] }) {
  return (
    <div className="chips">
      {unused === true && <span className="chip chip-warn">{t('reviews.hint.unused')}</span>}
      {unused === null && <span className="chip">{t('reviews.hint.unknown')}</span>}
      {dormant && <span className="chip chip-warn">{t('reviews.hint.dormant')}</span>}
      {withoutManager && <span className="chip">{t('reviews.hint.withoutManager')}</span>}
    </div>
  );
}

interface DecideProps {
  readonly review: Review;
  readonly item: ReviewItemWithHints;
  readonly name: string;
}

function Decide({ review, item, name }: DecideProps) {
  const [isRevoking, setRevoking] = useState(false);
  const mayDecide = useMay('users.admin');
  const isMine = useMe().data?.userId === item.userId;
  const { isBusy, press } = useSettle();
  if (!mayDecide || isMine) return null;
  const said = { role: item.roleName, name };
  const path = { id: review.id, itemId: item.id };
  const keep = () => call('decideReviewItem', { path, body: { decision: 'keep' } });
  const button = (decision: 'keep' | 'revoke', onClick: ReturnType<typeof onPress>) => (
    <button
      type="button"
      className="button button-small"
      aria-label={t(`reviews.${decision}.of`, said)}
      disabled={isBusy}
      onClick={onClick}
    >
      {t(`reviews.${decision}`)}
    </button>
  );
  return (
    <div className="table-actions">
      {item.decision === null && button('keep', press(keep, t('reviews.decided', said)))}
      {button(
        'revoke',
        onPress(() => setRevoking(true)),
      )}
      {isRevoking && <RevokeDialog {...{ review, item, name }} onClose={() => setRevoking(false)} />}
    </div>
  );
}

function RevokeDialog({ review, item, name, onClose }: DecideProps & { onClose: () => void }) {
  const { isBusy, error, send } = useSubmit(onClose);
  const said = { role: item.roleName, name };
  const revoke = (): void => {
    const path = { id: review.id, itemId: item.id };
    send(() => call('decideReviewItem', { path, body: { decision: 'revoke' } }), t('reviews.decided', said));
  };
  return (
    <AskDialog
      title={t('reviews.revoke.title', said)}
      text={t('reviews.revoke.text')}
      act={t('reviews.revoke')}
      onAct={revoke}
      {...{ isBusy, error, onClose }}
    />
  );
}

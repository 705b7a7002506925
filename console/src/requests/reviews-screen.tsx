/**
 * `/admin/reviews`: campaigns over the assignments of the tenant; `?review=` shows one with its items.
 */
import { useState } from 'react';

import type { Review } from '../../../src/contract/api.js';
import { call } from '../api/client.js';
import { useMay } from '../api/me.js';
import { Icon } from '../parts/icon.js';
import { usePlace } from '../router.js';
import { Link } from '../shell/link.js';
import { When } from '../text/dates.js';
import { t } from '../text/text.js';
import { usePages } from './data.js';
import { List } from './parts.js';
import { StartDialog } from './review-dialogs.js';
import { ReviewItems } from './review-items.js';

export function ReviewsScreen() {
  const { query } = usePlace();
  const reviewId = query.get('review');
  return reviewId === null ? <Reviews /> : <ReviewItems reviewId={reviewId} />;
}

function Reviews() {
  const mayStart = useMay('users.admin');
  const [isStarting, setStarting] = useState(false);
  const pages = usePages(['reviews'], (query, signal) => call('listReviews', { query }, { signal }));
  return (
    <div className="stack">
      <div className="row">
        <h1 className="grow">{t('reviews.title')}</h1>
        <button
          type="button"
          className="button button-main"
          aria-disabled={!mayStart}
          title={mayStart ? undefined : t('reviews.start.needs')}
          onClick={() => mayStart && setStarting(true)}
        >
          <Icon name="plus" size={16} /> {t('reviews.new')}
        </button>
      </div>
      <p className="quiet">{t('reviews.intro')}</p>
      <List
        pages={pages}
        heads={['reviews.name', 'requests.when', 'requests.status']}
        none={{ title: 'reviews.none', detail: 'reviews.none.detail' }}
        row={(review) => (
          <tr key={review.id}>
            <th scope="row">
              <Link to={`/admin/reviews?review=${encodeURIComponent(review.id)}`}>
                <strong>{review.name}</strong>
              </Link>
            </th>
            <td className="small">
              <When at={review.startedAt} />
            </td>
            <td>
              <Progress review={review} />
            </td>
          </tr>
        )}
      />
      {isStarting && <StartDialog onClose={() => setStarting(false)} />}
    </div>
  );
}

/** Whether it is open, and how far it has come. */
export function Progress({ review: { status, items, undecided, revoked } }: { review: Review }) {
  return (
    <div className="row">
      <span className={status === 'open' ? 'chip chip-warn' : 'chip chip-good'}>{t(`reviews.${status}`)}</span>
      <span className="small quiet">{t('reviews.progress', { done: items - undecided, items, revoked })}</span>
    </div>
  );
}

import { useQuery } from '@tanstack/react-query';

import { call } from '../api/client.js';
import { Icon } from '../parts/icon.js';
import { Notice } from '../parts/states.js';
import { momentOf, When } from '../text/dates.js';
import { t } from '../text/text.js';

/** How long an entry may wait to be signed for before that is pointed out: a checkpoint comes every ten seconds. */
const LATE_MS = 60_000;

/** Up to when the log is sealed and signed for: what stands before can no longer be changed unseen. */
export function ChainState() {
  const { data, isError } = useQuery({
    queryKey: ['audit', 'state'],
    queryFn: ({ signal }) => call('getAuditLogState', {}, { signal }),
    refetchInterval: 15_000,
  });
  if (isError) return <Notice kind="warn">{t('audit.state.unknown')}</Notice>;
  if (data === undefined || data.lastEntryAt === null) return null;
  const { lastEntryAt, sealedUntil, signedUntil } = data;
  const isWaiting = signedUntil === null || Date.parse(lastEntryAt) > Date.parse(signedUntil);
  if (isWaiting && Date.now() - Date.parse(signedUntil ?? lastEntryAt) > LATE_MS) {
    const never = t('common.never');
    const values = {
      sealed: sealedUntil === null ? never : momentOf(sealedUntil),
      signed: signedUntil === null ? never : momentOf(signedUntil),
    };
    return <Notice kind="warn">{t('audit.state.late', values)}</Notice>;
  }
  if (signedUntil === null) return null;
  return (
    <p className="small quiet chain-state">
      <Icon name="shield" size={16} /> {t('audit.state.signed')} <When at={signedUntil} seconds />
    </p>
  );
}

import { useQuery } from '@tanstack/react-query';

import { call } from '../api/client.js';
import { Icon } from '../parts/icon.js';
import { Notice } from '../parts/states.js';
import { momentOf, When } from '../text/dates.js';
import { t } from '../text/text.js';

/** Signing may be this far behind before it is pointed out: a checkpoint comes every ten seconds. */
const LATE_MS = 60_000;

/** Up to when the log is sealed and signed for: what stands before can no longer be changed unseen. */
export function ChainState() {
  const { data } = useQuery({
    queryKey: ['audit', 'state'],
    queryFn: ({ signal }) => call('getAuditLogState', {}, { signal }),
    refetchInterval: 15_000,
  });
  if (data === undefined || data.sealedUntil === null) return null;
  const { sealedUntil, signedUntil } = data;
  if (signedUntil === null) return <Notice>{t('audit.state.unsigned', { when: momentOf(sealedUntil) })}</Notice>;
  if (Date.parse(sealedUntil) - Date.parse(signedUntil) > LATE_MS) {
    const values = { sealed: momentOf(sealedUntil), signed: momentOf(signedUntil) };
    return <Notice kind="warn">{t('audit.state.late', values)}</Notice>;
  }
  return (
    <p className="small quiet chain-state">
      <Icon name="shield" size={16} /> {t('audit.state.signed')} <When at={signedUntil} seconds />
    </p>
  );
}

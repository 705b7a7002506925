import { useQuery } from '@tanstack/react-query';

import { call } from '../api/client.js';
import { useMe } from '../api/me.js';
import { Icon } from '../parts/icon.js';
import { t } from '../text/text.js';

/** A change is in force within a fraction of a second; this long, and somebody should know. */
const LATE_SECONDS = 5;

/** Says on every page when the decision engine is behind the rows: what the screens show is then not what is decided. */
export function SyncBanner() {
  const me = useMe();
  const { data, isError } = useQuery({
    queryKey: ['sync-state', me.data?.tenantId],
    queryFn: ({ signal }) => call('getSyncState', {}, { signal }),
    enabled: me.data !== undefined,
    refetchInterval: 10_000,
    staleTime: 0,
  });
  const { waitingSeconds = 0, parked = 0 } = data ?? {};
  const told = [
    ...(isError ? [t('sync.unknown')] : []),
    ...(waitingSeconds > LATE_SECONDS ? [t('sync.late')] : []),
    ...(parked > 0 ? [t('sync.parked', { count: parked })] : []),
  ];
  if (told.length === 0) return null;
  return (
    <div className="notice notice-warn sync-banner" role="status">
      <Icon name="alert" />
      <div>{told.join(' ')}</div>
    </div>
  );
}

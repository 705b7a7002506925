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
  const { data } = useQuery({
    queryKey: ['sync-state', me.data?.tenantId],
    queryFn: ({ signal }) => call('getSyncState', {}, { signal }),
    enabled: me.data !== undefined,
    refetchInterval: 10_000,
    staleTime: 0,
  });
  if (data === undefined) return null;
  const { waitingSeconds, parked } = data;
  const late = waitingSeconds > LATE_SECONDS ? t('sync.late', { count: Math.round(waitingSeconds) }) : undefined;
  const refused = parked > 0 ? t('sync.parked', { count: parked }) : undefined;
  if (late === undefined && refused === undefined) return null;
  return (
    <div className="notice notice-warn sync-banner" role="status">
      <Icon name="alert" />
      <div>
        {late} {refused}
      </div>
    </div>
  );
}

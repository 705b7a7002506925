import { setQuery, usePlace } from '../router.js';
import { t } from '../text/text.js';

/** The status that the address asks for, if it is one of these. */
export function useStatus<S extends string>(of: readonly S[]): S | undefined {
  const { query } = usePlace();
  return of.find((one) => one === query.get('status'));
}

/** Chooses the status that is shown. */
export function StatusFilter({ of }: { of: readonly Parameters<typeof labelOf>[0][] }) {
  const status = useStatus(of);
  return (
    <select
      className="toolbar-select"
      aria-label={t('requests.status')}
      value={status ?? ''}
      onChange={(event) => setQuery({ status: event.target.value })}
    >
      <option value="">{t('requests.status.any')}</option>
      {of.map((one) => (
        <option key={one} value={one}>
          {labelOf(one)}
        </option>
      ))}
    </select>
  );
}

type Status = 'pending' | 'approved' | 'denied' | 'cancelled' | 'lapsed' | 'active' | 'ended' | 'expired';
const labelOf = (status: Status): string => t(`requests.status.${status}`);

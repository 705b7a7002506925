/**
 * Why somebody may do something, or why not, in words of roles; and the same question as a line to paste.
 */
import { useQuery } from '@tanstack/react-query';

import { API, call } from '../api/client.js';
import { useTenantId } from '../api/me.js';
import { syncHeader } from '../api/sync.js';
import { Failed, Loading, Notice } from '../parts/states.js';
import { Told } from '../parts/told.js';
import { t } from '../text/text.js';
import { CopyButton } from './one-time-password-dialog.js';

export function Why({ userId, permission }: { userId: string; permission: string }) {
  const tenant = useTenantId();
  const question = { user: userId, permission, tenant };
  const why = useQuery({
    queryKey: ['people', 'why', question],
    queryFn: ({ signal }) => call('explain', { body: question, headers: syncHeader() }, { signal }),
    staleTime: 0,
  });
  if (why.isError) return <Failed error={why.error} onRetry={() => void why.refetch()} />;
  if (why.data === undefined) return <Loading rows={2} />;
  const { allowed, paths, missing, suggestedRoles, drift, decisionId } = why.data;
  return (
    <div className="why small">
      <strong>{t(allowed ? 'why.allowed' : 'why.denied')}</strong>
      {drift && <Notice kind="warn">{t('why.drift')}</Notice>}
      {paths.length > 0 && (
        <ul aria-label={t('why.because')}>
          {paths.map(({ summary }) => (
            <li key={summary}>
              <Told text={summary} />
            </li>
          ))}
        </ul>
      )}
      {missing.length > 0 && (
        <ul aria-label={t('why.missing')}>
          {missing.map(({ code, detail }) => (
            <li key={`${code} ${detail}`}>
              <Told text={detail} />
            </li>
          ))}
        </ul>
      )}
      {suggestedRoles.length > 0 && (
        <>
          <p className="quiet">{t('why.roles')}</p>
          <ul>
            {suggestedRoles.slice(0, 3).map(({ roleId, roleName, permissionCount }) => (
              <li key={roleId}>{t('why.role', { role: roleName, count: permissionCount })}</li>
            ))}
          </ul>
        </>
      )}
      <p className="quiet">{t('why.decision', { id: decisionId })}</p>
      <Curl body={question} />
    </div>
  );
}

function Curl({ body }: { body: object }) {
  const line = [
    `curl -sS ${window.location.origin}${API}/explain -H 'content-type: application/json' \\`,
    `  -H "authorization: Bearer $TOKEN" -d '${JSON.stringify(body)}'`,
  ].join('\n');
  return (
    <figure className="curl">
      <figcaption>
        {t('why.curl')} <CopyButton text={line} />
      </figcaption>
      <pre>{line}</pre>
    </figure>
  );
}

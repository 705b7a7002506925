/**
 * What a screen shows while there is nothing to show: loading, empty, refused, failed. Each has something to do next.
 */
import type { ReactNode } from 'react';

import { asProblem } from '../api/problem.js';
import { problemText } from '../text/problem-text.js';
import { t } from '../text/text.js';
import { Icon, type IconName } from './icon.js';

export function Loading({ rows = 6 }: { rows?: number }) {
  return (
    <div className="loading" role="status" aria-label={t('common.loading')}>
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} className="loading-row" />
      ))}
    </div>
  );
}

interface StateProps {
  readonly icon: IconName;
  readonly title: string;
  readonly children?: ReactNode;
  readonly action?: ReactNode;
  /** Whether it stands in the place of a whole screen, heading included. */
  readonly isScreen?: boolean;
}

export function State({ icon, title, children, action, isScreen = false }: StateProps) {
  const Heading = isScreen ? 'h1' : 'h2';
  return (
    <div className="state">
      <span className="state-icon">
        <Icon name={icon} size={28} />
      </span>
      <Heading className="state-title">{title}</Heading>
      {children !== undefined && <div className="state-text">{children}</div>}
      {action}
    </div>
  );
}

/** What could not be loaded, with the way to try again. */
export function Failed({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  return (
    <div role="alert">
      <State
        icon="alert"
        title={t('error.load')}
        action={
          <button type="button" className="button" onClick={onRetry}>
            {t('common.retry')}
          </button>
        }
      >
        <ProblemText error={error} />
      </State>
    </div>
  );
}

/** A refusal inside a form or a dialog. */
export function Refusal({ error }: { error: unknown }) {
  return (
    <div className="notice notice-bad" role="alert">
      <Icon name="alert" />
      <div>
        <ProblemText error={error} />
      </div>
    </div>
  );
}

function ProblemText({ error }: { error: unknown }) {
  const problem = asProblem(error);
  return (
    <>
      <p>{problemText(problem)}</p>
      {problem.requestId !== undefined && (
        <p className="small quiet">{t('error.request', { id: problem.requestId.slice(0, 8) })}</p>
      )}
    </>
  );
}

export function Notice({ kind = 'info', children }: { kind?: 'info' | 'warn' | 'bad' | 'good'; children: ReactNode }) {
  return (
    <div className={`notice notice-${kind}`}>
      <Icon name={kind === 'good' ? 'check' : kind === 'info' ? 'info' : 'alert'} />
      <div>{children}</div>
    </div>
  );
}

/** Where a permission is missing, said where the thing would be. */
export function MayNot({ permission }: { permission: string }) {
  return (
    <State icon="lock" title={t('may.read', { permission })} isScreen>
      <p>{t('may.ask')}</p>
    </State>
  );
}

/** A text with what was searched for marked. */
export function Highlight({ text, search }: { text: string; search: string }) {
  const at = search === '' ? -1 : text.toLowerCase().indexOf(search.toLowerCase());
  if (at < 0) return text;
  return (
    <>
      {text.slice(0, at)}
      <mark>{text.slice(at, at + search.length)}</mark>
      {text.slice(at + search.length)}
    </>
  );
}

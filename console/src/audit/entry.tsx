/**
 * One entry of the audit log: who did what to what, and, opened, the change or the whole entry as it was written.
 */
import { useState } from 'react';

import type { AuditEntry } from '../../../src/contract/api.js';
import { When } from '../text/dates.js';
import { t } from '../text/text.js';

const ACTION_CLASS = {
  READ: '',
  WRITE: 'chip-good',
  DELETE: 'chip-bad',
  EXPORT: 'chip-warn',
  PRINT: 'chip-warn',
} as const;

export function Entry({ entry }: { entry: AuditEntry }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <li className="entry">
      <div className="row entry-line">
        <span className={`chip ${ACTION_CLASS[entry.accessAction]}`}>{entry.accessAction}</span>
        <button
          type="button"
          className="button-link mono entry-purpose"
          aria-expanded={isOpen}
          aria-label={t('audit.show', { purpose: entry.purpose })}
          onClick={() => setOpen(!isOpen)}
        >
          {entry.purpose}
        </button>
        <span className="grow" />
        <span className="small quiet">
          <When at={entry.accessedAt} seconds />
        </span>
      </div>
      <div className="small quiet entry-told">
        <span>
          {t('audit.who')} <span className="mono">{whoOf(entry)}</span>
          {entry.impersonationId !== null && `, ${t('audit.acting')}`}
        </span>
        <span>
          {t('audit.about')} {entry.accessedEntityType} <span className="mono">{entry.accessedEntityId}</span>
        </span>
      </div>
      {isOpen && <Details entry={entry} />}
    </li>
  );
}

function whoOf({ actorUserId, actorRole }: AuditEntry): string {
  return actorUserId ?? t('audit.program', { role: actorRole ?? '?' });
}

function Details({ entry }: { entry: AuditEntry }) {
  const [isRaw, setRaw] = useState(false);
  return (
    <div className="entry-details">
      <div className="row">
        <button type="button" className="button button-small" aria-pressed={!isRaw} onClick={() => setRaw(false)}>
          {t('audit.diff')}
        </button>
        <button type="button" className="button button-small" aria-pressed={isRaw} onClick={() => setRaw(true)}>
          {t('audit.raw')}
        </button>
      </div>
      {isRaw ? <pre tabIndex={0}>{JSON.stringify(entry, null, 2)}</pre> : <Diff details={entry.details} />}
    </div>
  );
}

/** Lists of what was added and removed with their signs, pairs of before and after, and all else by name. */
function Diff({ details }: { details: Readonly<Record<string, unknown>> }) {
  const lines = Object.entries(details).flatMap(([name, value]) => linesOf(name, value));
  if (lines.length === 0) return <p className="quiet small">{t('audit.noDetails')}</p>;
  return (
    <ul className="change-list small">
      {lines.map(({ sign, text }) => (
        <li key={`${sign}${text}`}>
          <span className={`change-sign ${sign === '+' ? 'sign-plus' : sign === '−' ? 'sign-minus' : ''}`}>{sign}</span>
          <span className="mono">{text}</span>
        </li>
      ))}
    </ul>
  );
}

interface Line {
  readonly sign: string;
  readonly text: string;
}

const SIGNS: Readonly<Record<string, string>> = { added: '+', removed: '−' };

function linesOf(name: string, value: unknown): Line[] {
  if (Array.isArray(value)) {
    return value.map((item: unknown) => ({
      sign: SIGNS[name] ?? '·',
      text: SIGNS[name] === undefined ? `${name}: ${told(item)}` : told(item),
    }));
  }
  if (isRecord(value) && ('from' in value || 'to' in value)) {
    return [
      { sign: '−', text: `${name} ${t('audit.was')} ${told(value['from'])}` },
      { sign: '+', text: `${name} ${t('audit.is')} ${told(value['to'])}` },
    ];
  }
  return [{ sign: '·', text: `${name}: ${told(value)}` }];
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const told = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value ?? null));

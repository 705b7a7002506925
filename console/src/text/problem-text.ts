import type { ApiProblem } from '../api/problem.js';
import { found, t } from './text.js';

/** A problem as a sentence for whoever pressed the button: ours where we have one, else the service's. */
export function problemText(problem: ApiProblem): string {
  const { code, detail, body } = problem;
  const sentence = found(`error.${code}`);
  if (code === 'INVALID_REQUEST' && body.errors !== undefined && body.errors.length > 0) {
    return body.errors.map(({ field, message }) => `${field} ${message}`).join('; ');
  }
  if (sentence === undefined) return detail === '' ? t('error.title') : capital(detail);
  const missing = body.missing?.join(', ') ?? '';
  return sentence.replace('{missing}', missing).replace('{detail}', detail);
}

const capital = (sentence: string): string => `${sentence.slice(0, 1).toUpperCase()}${sentence.slice(1)}.`;

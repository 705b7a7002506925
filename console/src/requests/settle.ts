import { asProblem } from '../api/problem.js';
import { type Receipt, useToasts } from '../parts/toasts.js';
import { problemText } from '../text/problem-text.js';
import { useRefreshRequests } from './data.js';

/** What a button does without a dialog: works, says what came of it, and has the list read anew either way. */
export function useSettle(): (work: () => Promise<Receipt>, done: string) => void {
  const toasts = useToasts();
  const refresh = useRefreshRequests();
  return (work, done) => {
    work()
      .then((receipt) => toasts.saved(receipt, { what: done }))
      .catch((error: unknown) => toasts.say('bad', problemText(asProblem(error))))
      .finally(() => void refresh());
  };
}

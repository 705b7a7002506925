import { asProblem } from '../api/problem.js';
import { type Receipt, useToasts } from '../parts/toasts.js';
import { useWork, type Work } from '../parts/work.js';
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

/** What a dialog sends: while it is refused the dialog stays and says why; when it is done, the dialog closes. */
export function useSubmit(close: () => void): Omit<Work, 'run'> & {
  readonly send: <R extends Receipt>(work: () => Promise<R>, done: string, after?: (receipt: R) => void) => void;
} {
  const toasts = useToasts();
  const refresh = useRefreshRequests();
  const { isBusy, error, run } = useWork();
  return {
    isBusy,
    error,
    send: (work, done, after) =>
      run(async () => {
        const receipt = await work();
        toasts.saved(receipt, { what: done });
        await refresh();
        close();
        after?.(receipt);
      }),
  };
}

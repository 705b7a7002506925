import { asProblem } from '../api/problem.js';
import { onPress } from '../parts/press.js';
import { type Receipt, useToasts } from '../parts/toasts.js';
import { useWork, type Work } from '../parts/work.js';
import { problemText } from '../text/problem-text.js';
import { useRefreshRequests } from './data.js';

interface Settle {
  /** While it works, and until the list is read anew; the buttons of the row wait as long. */
  readonly isBusy: boolean;
  /** What a button does without a dialog: works, says what came of it, and has the list read anew either way. */
  readonly press: (work: () => Promise<Receipt>, done: string) => ReturnType<typeof onPress>;
}

/** The buttons of one row. */
export function useSettle(): Settle {
  const toasts = useToasts();
  const refresh = useRefreshRequests();
  const { isBusy, run } = useWork();
  const settle = async (work: () => Promise<Receipt>, done: string): Promise<void> => {
    try {
      toasts.saved(await work(), { what: done });
    } catch (error) {
      toasts.say('bad', problemText(asProblem(error)));
    }
    await refresh();
  };
  return { isBusy, press: (work, done) => onPress(() => run(() => settle(work, done))) };
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

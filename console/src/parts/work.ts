/** One piece of work at a time: whether it runs, and what it was refused with. What it answers is kept by nobody here. */
import { useState } from 'react';

export interface Work {
  readonly isBusy: boolean;
  readonly error: unknown;
  /** Starts it; while it runs, nothing else starts. */
  readonly run: (work: () => Promise<void>) => void;
}

export function useWork(): Work {
  const [state, setState] = useState<{ isBusy: boolean; error: unknown }>({ isBusy: false, error: undefined });
  return {
    ...state,
    run: (work) => {
      if (state.isBusy) return;
      setState({ isBusy: true, error: undefined });
      work().then(
        () => setState({ isBusy: false, error: undefined }),
        (error: unknown) => setState({ isBusy: false, error }),
      );
    },
  };
}

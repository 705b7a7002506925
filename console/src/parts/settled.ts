import { useEffect, useState } from 'react';

const QUIET_MS = 300;

/** A value once it has stayed as it is for a moment: a list that is read anew for every letter is written down as often. */
export function useSettled(value: string): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), QUIET_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

/** What a pure function made of a text, kept for texts that come again; at most `2 * size` of them. */
export interface Memo<T> {
  get(text: string): T | undefined;
  set(text: string, value: T): void;
}

/**
 * Two generations instead of a list in order of use: what was asked for since the last turn outlives the next. A look-up
 * costs one hash of the text and nothing that has to be moved about.
 */
export function createMemo<T>(size: number): Memo<T> {
  let young = new Map<string, T>();
  let old = new Map<string, T>();
  function set(text: string, value: T): void {
    if (young.size >= size) {
      old = young;
      young = new Map();
    }
    young.set(text, value);
  }
  return {
    set,
    get(text) {
      const found = young.get(text);
      if (found !== undefined) return found;
      const earlier = old.get(text);
      if (earlier !== undefined) set(text, earlier);
      return earlier;
    },
  };
}

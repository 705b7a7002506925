/**
 * Acts on a press, and not on the second one of a double click: what stands under the pointer by then may be a dialog that
 * the first has opened, or a row that has moved up into the place of the one that was meant.
 */
export const onPress =
  (act: () => void) =>
  ({ detail }: { readonly detail: number }): void => {
    if (detail < 2) act();
  };
